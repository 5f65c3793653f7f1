// Answers: which options does the node agent take, and what do they say. Read here for `pillion agent`, and for the
// program that the image runs on nodes, which has no room for the rest of the command line.
import { hostname } from 'node:os';
import { storeRoot } from '../core/wasm/names.ts';
import type { OptionRow } from './command.ts';
import { durationMs } from './duration.ts';
import { logLevelOption, managementOption, roleDefaults } from './role-options.ts';
import type { AgentOptions } from './roles.ts';

const defaults = {
  ...roleDefaults,
  'most-wait': '1m',
} as const;

export const agentFlags: readonly OptionRow[] = [
  {
    name: 'node',
    value: 'NAME',
    fallback: 'NODE_NAME, else the name of this machine',
    doc: 'Name of the node, and of the WasmStore that is reported in.',
  },
  {
    name: 'store',
    value: 'DIR',
    completes: 'directory',
    fallback: storeRoot,
    doc: 'Where the modules are kept. Pods mount the usual directory; another one is for a try.',
  },
  {
    name: 'most-wait',
    value: 'DURATION',
    fallback: defaults['most-wait'],
    doc: 'Longest wait before a module that could not be fetched is tried again.',
  },
  managementOption,
  logLevelOption,
];

/** Between two looks at the files, and two readings of all of them. */
const times = { lookMs: 30_000, rehashMs: 3_600_000 };

/** What the flags say; `flag` gives the text of one. Throws UsageError. */
export function readAgentFlags(
  flag: (name: string) => string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Omit<AgentOptions, 'connection'> {
  const text = (name: keyof typeof defaults): string => flag(name) ?? defaults[name];
  return {
    node: flag('node') ?? env['NODE_NAME'] ?? hostname(),
    store: flag('store') ?? storeRoot,
    managementListen: text('management-listen'),
    logLevel: text('log-level'),
    times: { ...times, mostWaitMs: durationMs('most-wait', text('most-wait')) },
  };
}
