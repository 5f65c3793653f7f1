// Answers: what is counted and logged of what `pillion control` does.
// Does not belong here: which metrics there are (metrics.ts), how a line gets out (log.ts).
import type { CertificatePlan, CertificateState } from '../core/certificates/plan.ts';
import type { Asked } from '../core/job-completion.ts';
import type { Expiries } from '../core/upkeep.ts';
import { KubeError } from './kube/kube-error.ts';
import type { Logger } from './log.ts';
import { type correctedObjects, createMetrics, type Metrics, metricTable } from './metrics.ts';
import { type EventTelemetry, eventTelemetry, processMetrics } from './telemetry.ts';
import { type WasmTelemetry, wasmTelemetry } from './wasm-telemetry.ts';

export type CorrectedObject = (typeof correctedObjects)[number];

export interface JobCompletionTelemetry {
  /** So many pods are held back by their sidecar alone. */
  pods(count: number): void;
  /** An agent was asked to quit; with an error, in vain. */
  asked(attempt: AskedPod, error: KubeError | undefined): void;
  /** What keeps all of it from working; undefined where nothing does. */
  trouble(reason: string | undefined): void;
}

export interface AskedPod {
  readonly namespace: string;
  readonly pod: string;
  readonly times: Pick<Asked, 'accepted' | 'failures'>;
}

export interface ControlTelemetry extends EventTelemetry {
  readonly log: Logger;
  leads(isLeading: boolean): void;
  /** What the Secret holds; undefined where this process does not lead. */
  certificates(notAfter: Expiries | undefined): void;
  /** The Secret was changed. */
  stepTaken(plan: Pick<CertificatePlan, 'why'> & { readonly state: CertificateState }): void;
  /** An object was written: one that was not there, or, with what was wrong, one that differed. */
  written(object: CorrectedObject, wrong: string | undefined): void;
  removed(object: CorrectedObject): void;
  /** Something is left undone; said once, and again only where the reasons are others. */
  waits(reasons: readonly string[]): void;
  readonly jobCompletion: JobCompletionTelemetry;
  readonly wasm: WasmTelemetry;
  succeeded(): void;
  roundFailed(error: unknown, waitMs: number): void;
  /** Something of ours is broken. */
  failed(error: unknown): void;
  print(): Promise<{ readonly contentType: string; readonly text: string }>;
}

export function createControlTelemetry(log: Logger, version: string): ControlTelemetry {
  const { registry, metrics } = createMetrics('control');
  const collect = processMetrics(metrics);
  metrics.buildInfo.set({ version, node: process.versions.node }, 1);
  startFromZero(metrics);
  let waitingFor = '';
  const failed = (error: unknown): void => {
    metrics.defects.inc();
    log.error({ err: error }, 'defect; please report it');
  };
  return {
    log,
    failed,
    ...eventTelemetry(log, metrics),
    leads: (isLeading) => {
      metrics.leader.set(isLeading ? 1 : 0);
      log.info({ isLeading }, isLeading ? 'this process leads' : 'this process does not lead');
    },
    certificates: (notAfter) => {
      metrics.secretNotAfter.reset();
      for (const [certificate, date] of Object.entries(notAfter ?? {})) {
        metrics.secretNotAfter.set({ certificate }, date.getTime() / 1000);
      }
    },
    stepTaken: ({ state, why }) => {
      metrics.certificateSteps.inc({ step: state });
      log.info({ step: state, why }, 'certificates changed');
    },
    written: (object, wrong) => {
      if (wrong !== undefined) metrics.corrections.inc({ object });
      log.info({ object, wrong }, wrong === undefined ? 'object created' : 'object put right');
    },
    removed: (object) => log.info({ object }, 'object removed'),
    waits: (reasons) => {
      const text = reasons.join('; ');
      if (text !== waitingFor && text !== '') log.warn({ waitsFor: reasons }, 'something is left undone');
      waitingFor = text;
    },
    jobCompletion: jobCompletionTelemetry(log, metrics),
    wasm: wasmTelemetry(log, metrics),
    succeeded: () => metrics.controlSuccess.set(Date.now() / 1000),
    roundFailed: (error, waitMs) => {
      const isExpected = error instanceof KubeError;
      metrics.controlFailures.inc({ code: isExpected ? error.code : 'defect' });
      const wait = { tryAgainInMs: Math.round(waitMs) };
      if (isExpected) log.warn({ code: error.code, error: error.message, ...wait }, 'round failed');
      else failed(error);
    },
    print: async () => {
      collect();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function jobCompletionTelemetry(log: Logger, metrics: Metrics): JobCompletionTelemetry {
  return {
    pods: (count) => metrics.jobCompletionPods.set(count),
    asked: ({ namespace, pod, times: { accepted, failures } }, error) => {
      metrics.jobCompletionAsks.inc({ outcome: error?.code ?? 'accepted' });
      if (error === undefined) log.info({ namespace, pod, accepted }, 'the agent of a pod was asked to quit');
      else
        log.warn(
          { namespace, pod, failures, code: error.code, error: error.message },
          'the agent of a pod cannot be asked to quit',
        );
    },
    trouble: (reason) => {
      if (reason === undefined) log.info('the trouble with job completion is over');
      else log.warn({ reason }, 'job completion does not work');
    },
  };
}

/** Series that are there from the start, so that their first increase is seen as one. */
function startFromZero(metrics: Metrics): void {
  for (const step of metricTable.certificateSteps.labels.step) metrics.certificateSteps.inc({ step }, 0);
  for (const object of metricTable.corrections.labels.object) metrics.corrections.inc({ object }, 0);
  for (const outcome of metricTable.jobCompletionAsks.labels.outcome) metrics.jobCompletionAsks.inc({ outcome }, 0);
  for (const code of metricTable.controlFailures.labels.code) metrics.controlFailures.inc({ code }, 0);
}
