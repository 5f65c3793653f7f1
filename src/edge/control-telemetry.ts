// Answers: what is counted and logged of what `pillion control` does.
// Does not belong here: which metrics there are (metrics.ts), how a line gets out (log.ts).
import type { CertificatePlan, CertificateState } from '../core/certificates/plan.ts';
import type { Expiries } from '../core/upkeep.ts';
import { KubeError } from './kube/kube-error.ts';
import type { Logger } from './log.ts';
import { type correctedObjects, createMetrics, type Metrics, metricTable } from './metrics.ts';
import { type EventTelemetry, eventTelemetry, processMetrics } from './telemetry.ts';

export type CorrectedObject = (typeof correctedObjects)[number];

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

/** Series that are there from the start, so that their first increase is seen as one. */
function startFromZero(metrics: Metrics): void {
  for (const step of metricTable.certificateSteps.labels.step) metrics.certificateSteps.inc({ step }, 0);
  for (const object of metricTable.corrections.labels.object) metrics.corrections.inc({ object }, 0);
  for (const code of metricTable.controlFailures.labels.code) metrics.controlFailures.inc({ code }, 0);
}
