// Answers: what is counted and logged of rollouts of Wasm extensions.
// Does not belong here: which metrics there are (metrics.ts).
import type { Extension } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { KubeError } from './kube/kube-error.ts';
import type { Logger } from './log.ts';
import { type Metrics, metricTable, wasmStates, type wasmSteps } from './metrics.ts';

export interface WasmTelemetry {
  /** A step was taken; with a refusal, in vain. */
  step(
    step: (typeof wasmSteps)[number],
    refused: Refusal | undefined,
    extension: Pick<Extension, 'namespace' | 'name'>,
  ): void;
  extensions(counts: Readonly<Record<(typeof wasmStates)[number], number>>): void;
  /** Looking at something failed; it is looked at again after so long. */
  failed(what: string, error: unknown, waitMs: number): void;
  /** What keeps all of it from working; undefined where nothing does. */
  trouble(reason: string | undefined): void;
}

export function wasmTelemetry(log: Logger, metrics: Metrics): WasmTelemetry {
  for (const step of metricTable.wasmSteps.labels.step) metrics.wasmSteps.inc({ step }, 0);
  for (const reason of metricTable.wasmRefusals.labels.reason) metrics.wasmRefusals.inc({ reason }, 0);
  for (const code of metricTable.wasmFailures.labels.code) metrics.wasmFailures.inc({ code }, 0);
  return {
    step: (step, refused, { namespace, name }) => {
      if (refused === undefined) {
        metrics.wasmSteps.inc({ step });
        log.info({ namespace, name, step }, 'step of a rollout');
        return;
      }
      const { reason, message } = refused;
      metrics.wasmRefusals.inc({ reason });
      log.warn({ namespace, name, step, reason, message }, 'rollout refused');
    },
    extensions: (counts) => {
      for (const state of wasmStates) metrics.wasmExtensions.set({ state }, counts[state]);
    },
    failed: (what, error, waitMs) => {
      const code = error instanceof KubeError ? error.code : 'defect';
      metrics.wasmFailures.inc({ code });
      const message = error instanceof Error ? error.message : String(error);
      log.warn({ what, code, error: message, tryAgainInMs: Math.round(waitMs) }, 'rollout failed');
    },
    trouble: (reason) => {
      if (reason === undefined) log.info('the trouble with Wasm extensions is over');
      else log.warn({ reason }, 'Wasm extensions cannot be rolled out');
    },
  };
}
