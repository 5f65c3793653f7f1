// Answers: which options does `pillion serve` take.
// Does not belong here: the server (roles/serve.ts), which main.ts loads only when it is asked for.

import { quoted } from '../core/model/problem.ts';
import type { SettingsSources } from '../edge/settings-files.ts';
import { type Command, type Io, type OptionRow, type OptionValues, textOf, UsageError } from './command.ts';
import { readNamespaceObject } from './namespace-object.ts';
import type { ServeOptions } from './roles.ts';
import { settingsOptions, settingsSources } from './settings-options.ts';

const logLevels = ['debug', 'info', 'warn', 'error'] as const;
const defaults = { listen: ':15017', 'management-listen': ':15014', 'drain-delay': '5s', 'log-level': 'info' } as const;

const serveOptions: readonly OptionRow[] = [
  {
    name: 'listen',
    value: 'ADDRESS',
    fallback: defaults.listen,
    doc: 'Where the API server calls: host:port or :port.',
  },
  {
    name: 'management-listen',
    value: 'ADDRESS',
    fallback: defaults['management-listen'],
    doc: 'Where /healthz, /readyz and /metrics are: host:port or :port.',
  },
  {
    name: 'tls-cert',
    value: 'FILE',
    completes: 'file',
    doc: 'Certificate chain, PEM. Followed when it changes. Needs --tls-key.',
  },
  { name: 'tls-key', value: 'FILE', completes: 'file', doc: 'Private key of the certificate, PEM.' },
  {
    name: 'self-signed',
    value: 'DIR',
    completes: 'directory',
    doc: 'Make a certificate of its own and keep it in this directory.',
  },
  {
    name: 'drain-delay',
    value: 'DURATION',
    fallback: defaults['drain-delay'],
    doc: 'How long to go on serving after SIGTERM, so that endpoints can be updated: 5s, 500ms.',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    choices: logLevels,
    fallback: defaults['log-level'],
    doc: 'Least important line to log.',
  },
  {
    name: 'namespace-object',
    value: 'FILE',
    completes: 'file',
    doc: 'A Namespace as kubectl prints it, for its annotations: on OpenShift they say as which user the proxy runs.',
  },
];

export const serveCommand: Command = {
  name: 'serve',
  summary: 'Run the admission webhook.',
  details: [
    'Answers AdmissionReviews under /inject and /inject/… until SIGTERM; then drains without failing a request.',
  ],
  examples: [
    'pillion serve --self-signed ./certificates',
    'pillion serve --tls-cert tls.crt --tls-key tls.key --values values.yaml --mesh mesh.yaml',
  ],
  options: [...serveOptions, ...settingsOptions],
  run: async (io, options) => io.roles.serve(await readServeOptions(io, options)),
};

async function readServeOptions(io: Io, options: OptionValues): Promise<ServeOptions> {
  const [tlsCert, tlsKey, selfSigned] = [
    textOf(options, 'tls-cert'),
    textOf(options, 'tls-key'),
    textOf(options, 'self-signed'),
  ];
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('Cannot serve: only one of --tls-cert and --tls-key is given; give both');
  }
  if ((tlsCert === undefined) === (selfSigned === undefined)) {
    throw new UsageError(
      'Cannot serve: the API server speaks only TLS; give either --tls-cert and --tls-key, or --self-signed DIR',
    );
  }
  const text = (name: keyof typeof defaults): string => textOf(options, name) ?? defaults[name];
  return {
    listen: text('listen'),
    managementListen: text('management-listen'),
    ...(tlsCert === undefined ? {} : { tlsCert }),
    ...(tlsKey === undefined ? {} : { tlsKey }),
    ...(selfSigned === undefined ? {} : { selfSigned }),
    drainDelayMs: milliseconds(text('drain-delay')),
    logLevel: text('log-level'),
    sources: { ...settingsSources(options), ...(await namespaceSource(io, options)) },
  };
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

function milliseconds(text: string): number {
  const match = /^([0-9]+)(ms|s|m)$/.exec(text);
  if (match === null)
    throw new UsageError(`Cannot use --drain-delay ${quoted(text)}: it is no duration; write 5s or 500ms`);
  return Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0);
}

/** The registration has decided by the labels already, so that only the annotations count. */
async function namespaceSource(io: Io, options: OptionValues): Promise<Pick<SettingsSources, 'namespace'>> {
  const file = textOf(options, 'namespace-object');
  if (file === undefined) return {};
  const { name, annotations = {} } = await readNamespaceObject(io, file);
  return { namespace: { name, annotations } };
}
