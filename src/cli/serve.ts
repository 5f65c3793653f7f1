// Answers: which options does `pillion serve` take.
// Does not belong here: the server (roles/serve.ts), which main.ts loads only when it is asked for.

import type { SettingsSources } from '../edge/settings-files.ts';
import { connectionOf, connectionOptions, fromClusterOption, refuseConnection } from './cluster-options.ts';
import { type Command, type Io, type OptionRow, type OptionValues, textOf, UsageError } from './command.ts';
import { durationMs } from './duration.ts';
import { readNamespaceObject } from './namespace-object.ts';
import { logLevelOption, managementOption, roleDefaults } from './role-options.ts';
import type { ServeOptions } from './roles.ts';
import { fileOptions, settingsOptions, settingsSources } from './settings-options.ts';

const defaults = { ...roleDefaults, listen: ':15017', 'drain-delay': '5s' } as const;

const serveOptions: readonly OptionRow[] = [
  {
    name: 'listen',
    value: 'ADDRESS',
    fallback: defaults.listen,
    doc: 'Where the API server calls: host:port or :port.',
  },
  managementOption,
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
  logLevelOption,
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
    'Settings are files, or, with --from-cluster, those of the cluster; either way changes count without a restart. In a',
    'cluster the options come from ConfigMap pillion-options; --native, --native-minimum-kubelet, --kubelet-versions,',
    '--platform, --compliance-policy and --revision are stronger.',
  ],
  examples: [
    'pillion serve --self-signed ./certificates',
    'pillion serve --tls-cert tls.crt --tls-key tls.key --values values.yaml --mesh mesh.yaml',
    'pillion serve --tls-cert tls.crt --tls-key tls.key --from-cluster',
  ],
  options: [...serveOptions, fromClusterOption, ...connectionOptions, ...settingsOptions],
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
    drainDelayMs: durationMs('drain-delay', text('drain-delay')),
    logLevel: text('log-level'),
    ...(await readSettings(io, options)),
  };
}

async function readSettings(io: Io, options: OptionValues): Promise<Pick<ServeOptions, 'sources' | 'cluster'>> {
  if (!options.has(fromClusterOption.name)) {
    refuseConnection(options);
    return { sources: { ...settingsSources(options), ...(await namespaceSource(io, options)) } };
  }
  const given = [...fileOptions, 'namespace-object'].find((name) => options.has(name));
  if (given !== undefined)
    throw new UsageError(
      `Cannot use --${given} with --from-cluster: there the settings are those of the cluster; leave one of them out`,
    );
  return { sources: settingsSources(options), cluster: connectionOf(options) };
}

/** The registration has decided by the labels already, so that only the annotations count. */
async function namespaceSource(io: Io, options: OptionValues): Promise<Pick<SettingsSources, 'namespace'>> {
  const file = textOf(options, 'namespace-object');
  if (file === undefined) return {};
  const { name, annotations = {} } = await readNamespaceObject(io, file);
  return { namespace: { name, annotations } };
}
