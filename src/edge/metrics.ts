// Answers: which metrics are there. One table: the registry and docs/metrics.md are made from it.
// Does not belong here: when they change (telemetry.ts, control-telemetry.ts, wasm-telemetry.ts), the agent's
// (agent-metrics.ts).
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { certificateSteps } from '../core/certificates/plan.ts';
import { deliveries, deliveryReasons } from '../core/model/delivered.ts';
import { nativeReasons, reasons } from '../core/model/verdict.ts';
import { refusals } from '../core/wasm/refusals.ts';
import { eventDropReasons } from './kube/events.ts';
import { kubeErrorCodes } from './kube/kube-error.ts';
import { watchNames } from './kube/watch-names.ts';

/** Processes that have metrics. */
export type Role = 'serve' | 'control' | 'agent';
/** The agent has a table of its own (agent-metrics.ts). */
const everywhere: readonly Role[] = ['serve', 'control'];

export interface MetricRow {
  readonly name: string;
  /** Processes that have it; `serve` alone where absent. */
  readonly roles?: readonly Role[];
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Every label with all the values that it can have; nothing that a user writes is among them. */
  readonly labels: { readonly [label: string]: readonly string[] };
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[];
}

const decisions = ['inject', 'deliver', 'skip', 'deny'];
/** `none` where nothing was injected. */
const nativeValues = ['true', 'false', 'none'];
/** Every status but 200 that a request can get. */
export const errorStatuses = [400, 404, 405, 408, 413, 415, 431, 500, 503] as const;
/** From 50 µs, because an admission is a matter of microseconds; to 10 s, the API server's usual patience. */
const durationBuckets = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** What `pillion control` writes besides the Secret. */
export const correctedObjects = ['registration', 'policy', 'binding'] as const;

export const wasmSteps = ['resolve', 'verify', 'fetch', 'try', 'switch', 'restore'] as const;
export const wasmStates = ['ready', 'refused', 'waiting'] as const;

/** Every metric. Names and labels are public: they are not used again for something else. */
export const metricTable = {
  admissions: {
    name: 'pillion_admissions_total',
    type: 'counter',
    help: 'Admissions that were decided, by decision and reason (docs/reasons.md) and by what the sidecar became. Most pods are asked about twice: again when something else has changed them after us.',
    labels: { decision: decisions, reason: Object.keys(reasons), native: nativeValues },
  },
  nativeDecisions: {
    name: 'pillion_native_decisions_total',
    type: 'counter',
    help: 'Injected pods by whether the sidecar is native and what decided it (docs/reasons.md).',
    labels: { native: ['true', 'false'], reason: Object.keys(nativeReasons) },
  },
  deliveries: {
    name: 'pillion_wasm_deliveries_total',
    type: 'counter',
    help: 'Wasm modules that were delivered to proxies, one for each pod and extension, by the way and what decided it (docs/reasons.md).',
    labels: { delivery: deliveries, reason: Object.keys(deliveryReasons) },
  },
  duration: {
    name: 'pillion_admission_duration_seconds',
    type: 'histogram',
    help: 'Time from the complete body of a review to its finished answer.',
    labels: { decision: decisions },
    buckets: durationBuckets,
  },
  httpErrors: {
    name: 'pillion_http_errors_total',
    type: 'counter',
    help: 'Requests to the admission port that were no reviews, or could not be answered, by HTTP status.',
    labels: { status: errorStatuses.map(String) },
  },
  handshakeFailures: {
    name: 'pillion_tls_handshake_failures_total',
    type: 'counter',
    help: 'TLS handshakes on the admission port that failed, for instance because the client does not trust the certificate.',
    labels: {},
  },
  defects: {
    name: 'pillion_defects_total',
    roles: everywhere,
    type: 'counter',
    help: 'Faults of Pillion itself. Each is in the log with its stack; an admission that meets one is answered with HTTP 500.',
    labels: {},
  },
  certificateNotAfter: {
    name: 'pillion_certificate_not_after_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificate of the admission port expires.',
    labels: {},
  },
  certificateRejected: {
    name: 'pillion_certificate_rejected',
    type: 'gauge',
    help: '1 while the certificate files hold a pair that cannot be used and the one before is kept, else 0.',
    labels: {},
  },
  settingsLoaded: {
    name: 'pillion_settings_loaded_timestamp_seconds',
    type: 'gauge',
    help: 'When the settings in use were read.',
    labels: {},
  },
  settingsStale: {
    name: 'pillion_settings_stale_seconds',
    type: 'gauge',
    help: 'How long the settings on disk or in the cluster have been unreadable while the last good ones are kept; 0 when they are in use.',
    labels: {},
  },
  watchContact: {
    name: 'pillion_watch_last_contact_timestamp_seconds',
    type: 'gauge',
    help: 'When the API server was last heard of on a watch; 0 where it is not watched. Older than a minute means that it is out of reach, and that what it told last is used.',
    labels: { watch: watchNames },
  },
  nodes: {
    name: 'pillion_nodes_known',
    type: 'gauge',
    help: 'Nodes of the cluster that the native decision looks at; 0 where it looks at none.',
    labels: {},
  },
  leader: {
    name: 'pillion_control_leader',
    roles: ['control'],
    type: 'gauge',
    help: '1 while this process holds the Lease and writes, else 0.',
    labels: {},
  },
  secretNotAfter: {
    name: 'pillion_secret_certificate_not_after_timestamp_seconds',
    roles: ['control'],
    type: 'gauge',
    help: 'When the certificate in the Secret and the authority that signed it expire; only of the process that leads.',
    labels: { certificate: ['leaf', 'authority'] },
  },
  certificateSteps: {
    name: 'pillion_certificate_steps_total',
    roles: ['control'],
    type: 'counter',
    help: 'Changes of the Secret with the certificates, by what was done.',
    labels: { step: certificateSteps },
  },
  corrections: {
    name: 'pillion_corrections_total',
    roles: ['control'],
    type: 'counter',
    help: 'Objects that were there, differed from what they should be, and were put right; also after the options have changed.',
    labels: { object: correctedObjects },
  },
  controlFailures: {
    name: 'pillion_control_failures_total',
    roles: ['control'],
    type: 'counter',
    help: 'Rounds that failed and were tried again, by what the API server said; defect: a fault of Pillion itself.',
    labels: { code: [...kubeErrorCodes, 'defect'] },
  },
  jobCompletionAsks: {
    name: 'pillion_job_completion_asks_total',
    roles: ['control'],
    type: 'counter',
    help: 'How often an istio-agent was asked to quit because the containers of its pod have ended, by what came of it; accepted: it said that it quits.',
    labels: { outcome: ['accepted', ...kubeErrorCodes] },
  },
  jobCompletionPods: {
    name: 'pillion_job_completion_pods',
    roles: ['control'],
    type: 'gauge',
    help: 'Pods that only a plain sidecar keeps running at this moment; 0 where job completion is off, or another process leads.',
    labels: {},
  },
  wasmSteps: {
    name: 'pillion_wasm_rollout_steps_total',
    roles: ['control'],
    type: 'counter',
    help: 'Steps that rollouts of Wasm extensions took with success: resolve a tag, verify signatures, fetch a module, try it, switch it on.',
    labels: { step: wasmSteps },
  },
  wasmRefusals: {
    name: 'pillion_wasm_rollout_refusals_total',
    roles: ['control'],
    type: 'counter',
    help: 'Steps of rollouts that were refused, by reason (docs/wasm-reasons.md); what may pass is tried again and counted again.',
    labels: { reason: Object.keys(refusals) },
  },
  wasmExtensions: {
    name: 'pillion_wasm_extensions',
    roles: ['control'],
    type: 'gauge',
    help: 'Wasm extensions by whether what they declare runs: ready, refused for a reason that their status tells, or still under way; 0 where another process leads.',
    labels: { state: wasmStates },
  },
  wasmFailures: {
    name: 'pillion_wasm_rollout_failures_total',
    roles: ['control'],
    type: 'counter',
    help: 'Looks at a Wasm extension that failed and were tried again, by what the API server said; defect: a fault of Pillion itself.',
    labels: { code: [...kubeErrorCodes, 'defect'] },
  },
  controlSuccess: {
    name: 'pillion_control_last_success_timestamp_seconds',
    roles: ['control'],
    type: 'gauge',
    help: 'When a round went through that left everything as it should be; 0 before the first. Grows every minute while the process leads.',
    labels: {},
  },
  eventsDropped: {
    name: 'pillion_events_dropped_total',
    roles: everywhere,
    type: 'counter',
    help: 'Events that were not sent: rate, because there were too many; failed, because the API server did not take them.',
    labels: { reason: eventDropReasons },
  },
  buildInfo: {
    name: 'pillion_build_info',
    roles: everywhere,
    type: 'gauge',
    help: 'Always 1; the labels tell which build this is.',
    labels: { version: ['version of Pillion'], node: ['version of Node.js'] },
  },
  cpu: {
    name: 'process_cpu_seconds_total',
    roles: everywhere,
    type: 'counter',
    help: 'CPU time of the process.',
    labels: {},
  },
  residentMemory: {
    name: 'process_resident_memory_bytes',
    roles: everywhere,
    type: 'gauge',
    help: 'Resident memory of the process.',
    labels: {},
  },
  startTime: {
    name: 'process_start_time_seconds',
    roles: everywhere,
    type: 'gauge',
    help: 'When the process started.',
    labels: {},
  },
  heap: {
    name: 'nodejs_heap_size_used_bytes',
    roles: everywhere,
    type: 'gauge',
    help: 'Used heap of the JavaScript engine.',
    labels: {},
  },
} as const satisfies { readonly [metric: string]: MetricRow };

/** The metrics that a process of the role has. */
export function rowsOf(role: Role): readonly MetricRow[] {
  return Object.values<MetricRow>(metricTable).filter(({ roles = ['serve'] }) => roles.includes(role));
}

type Table = typeof metricTable;
type MetricOf<Row extends MetricRow> = {
  counter: Counter<string>;
  gauge: Gauge<string>;
  histogram: Histogram<string>;
}[Row['type']];

/** The metrics of the table, each under its key. */
export type Metrics = { readonly [Key in keyof Table]: MetricOf<Table[Key]> };

/** Every metric that the role has, in a registry of its own; those of other roles lead nowhere. */
export function createMetrics(role: Role): { readonly registry: Registry; readonly metrics: Metrics } {
  const registry = new Registry();
  const entries = Object.entries<MetricRow>(metricTable).map(([key, row]) => {
    const isShown = rowsOf(role).includes(row);
    return [key, createMetric(row, isShown ? [registry] : [])] as const;
  });
  return { registry, metrics: Object.fromEntries(entries) as unknown as Metrics };
}

function createMetric({ name, help, type, labels, buckets }: MetricRow, registers: Registry[]) {
  const labelNames = Object.keys(labels);
  if (type === 'counter') return new Counter({ name, help, labelNames, registers });
  if (type === 'gauge') return new Gauge({ name, help, labelNames, registers });
  return new Histogram({ name, help, labelNames, registers, buckets: [...(buckets ?? [])] });
}
