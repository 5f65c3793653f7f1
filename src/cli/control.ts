// Answers: which options does `pillion control` take.
// Does not belong here: the controller (roles/control.ts), which main.ts loads only when it is asked for.
import { serviceHost } from '../core/cluster/names.ts';
import { connectionOf, connectionOptions } from './cluster-options.ts';
import { type Command, type OptionRow, textOf } from './command.ts';
import { logLevelOption, managementOption, roleDefaults } from './role-options.ts';

const defaults = {
  'service-address': `${serviceHost}:443`,
  ...roleDefaults,
} as const;

const controlOptions: readonly OptionRow[] = [
  {
    name: 'service-address',
    value: 'HOST:PORT',
    fallback: defaults['service-address'],
    doc: 'Where the Service of the webhook is reached, for a controller outside of the cluster.',
  },
  managementOption,
  logLevelOption,
];

export const controlCommand: Command = {
  name: 'control',
  summary: 'Run the controller: it keeps certificate, registration and guard as they should be.',
  details: [
    'Of several, the one that holds the Lease works; the others wait. The webhook is registered once a replica answers',
    'through the Service. A new certificate or authority can be asked for with the annotation pillion.dev/rotate (leaf or',
    'authority) on Secret pillion-certificates; the annotation goes when that is done.',
  ],
  examples: [
    'pillion control',
    'kubectl annotate secret -n pillion-system pillion-certificates pillion.dev/rotate=authority',
  ],
  options: [...connectionOptions, ...controlOptions],
  run: (io, options) => {
    const text = (name: keyof typeof defaults): string => textOf(options, name) ?? defaults[name];
    return io.roles.control({
      cluster: connectionOf(options),
      serviceAddress: text('service-address'),
      managementListen: text('management-listen'),
      logLevel: text('log-level'),
    });
  },
};
