// Answers: which metrics does the node agent have, and how are they printed. One table; docs/metrics.md is made from it.
// Printed here, because the library of the other processes takes more memory than there is.
// Does not belong here: when they change (roles/agent.ts).
import { moduleStates } from '../core/wasm/extension.ts';
import { refusals } from '../core/wasm/refusals.ts';

export interface AgentMetricRow {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** The one label with all the values that it can have; they are there from the start, so that an increase is seen. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
}

const faults = ['missing', 'altered', 'unreadable', 'stranger'] as const;
export type StoreFault = (typeof faults)[number];

export const agentMetricTable = {
  pulls: {
    name: 'pillion_agent_pulls_total',
    type: 'counter',
    help: 'Attempts to fetch a module, by how they ended: `Succeeded`, or why not (docs/wasm-reasons.md).',
    label: { name: 'result', values: ['Succeeded', ...Object.keys(refusals)] },
  },
  pulledBytes: {
    name: 'pillion_agent_pulled_bytes_total',
    type: 'counter',
    help: 'Bytes of modules that were written into the store.',
  },
  modules: {
    name: 'pillion_agent_modules',
    type: 'gauge',
    help: 'Modules that this node should have, by how they are.',
    label: { name: 'state', values: moduleStates },
  },
  storeBytes: {
    name: 'pillion_agent_store_bytes',
    type: 'gauge',
    help: 'Bytes of all modules in the store, wanted or not.',
  },
  healed: {
    name: 'pillion_agent_healed_total',
    type: 'counter',
    help: 'Files of the store that were found to be otherwise than they should be, by what was wrong.',
    label: { name: 'fault', values: faults },
  },
  evicted: {
    name: 'pillion_agent_evicted_total',
    type: 'counter',
    help: 'Modules that were removed because nothing refers to them any more.',
  },
  defects: {
    name: 'pillion_agent_defects_total',
    type: 'counter',
    help: 'Faults of Pillion itself. Each is in the log with its stack.',
  },
  residentBytes: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory of the process.',
  },
} as const satisfies Record<string, AgentMetricRow>;

export type AgentMetric = keyof typeof agentMetricTable;

export interface AgentMetrics {
  add(metric: AgentMetric, by?: number, label?: string): void;
  set(metric: AgentMetric, value: number, label?: string): void;
  /** In the text format of Prometheus. */
  print(): string;
}

export function createAgentMetrics(): AgentMetrics {
  const values = new Map<string, number>();
  const rows = Object.values<AgentMetricRow>(agentMetricTable);
  for (const row of rows) for (const value of row.label?.values ?? [undefined]) values.set(series(row, value), 0);
  const keyOf = (metric: AgentMetric, label?: string): string => series(agentMetricTable[metric], label);
  return {
    add: (metric, by = 1, label) => {
      const key = keyOf(metric, label);
      values.set(key, (values.get(key) ?? 0) + by);
    },
    set: (metric, value, label) => void values.set(keyOf(metric, label), value),
    print: () => {
      values.set(keyOf('residentBytes'), process.memoryUsage.rss());
      return rows.map((row) => printed(row, values)).join('');
    },
  };
}

function series({ name, label }: AgentMetricRow, value: string | undefined): string {
  return label === undefined || value === undefined ? name : `${name}{${label.name}="${value}"}`;
}

function printed(row: AgentMetricRow, values: ReadonlyMap<string, number>): string {
  const keys = (row.label?.values ?? [undefined]).map((value) => series(row, value));
  const lines = keys.map((key) => `${key} ${values.get(key) ?? 0}\n`);
  return `# HELP ${row.name} ${row.help}\n# TYPE ${row.name} ${row.type}\n${lines.join('')}`;
}
