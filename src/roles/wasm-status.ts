// Answers: when is a status written. At once where something was decided; counts, which change with every pod that comes
// and goes, only now and then; and never where nothing is another. What changed is told as an Event.
// Does not belong here: what is in it (core/wasm/rollout/rollout-status.ts).

import type { EventDraft } from '../core/model/event.ts';
import { isSameJson, type JsonObject } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import type { Condition, Standing } from '../core/wasm/extension.ts';
import { hasStatus, type WasmWrites } from './wasm-writes.ts';

export interface StatusKeeper {
  /**
   * Writes the status where it is to be.
   * @returns milliseconds until it may be written, where it has to wait; undefined where nothing is left to write
   */
  keep(object: KubeObject, standing: Standing, signal: AbortSignal): Promise<number | undefined>;
}

export interface StatusParts {
  readonly writes: Pick<WasmWrites, 'status'>;
  readonly record: (event: EventDraft) => void;
  /** Counts alone are written at most so often. */
  readonly quietMs: number;
}

export function createStatusKeeper({ writes, record, quietMs }: StatusParts): StatusKeeper {
  /** By uid. */
  const writtenAt = new Map<string, number>();
  return {
    keep: async (object, standing, signal) => {
      const { uid = '' } = object.metadata;
      if (hasStatus(object, standing)) return undefined;
      const before = standingOf(object);
      const waitMs = (writtenAt.get(uid) ?? -quietMs) + quietMs - performance.now();
      if (waitMs > 0 && isSameJson(decided(before), decided(standing))) return waitMs;
      await writes.status(object, standing, signal);
      writtenAt.set(uid, performance.now());
      for (const event of eventsOf(object, before, standing)) record(event);
      return undefined;
    },
  };
}

/** Without what only counts. */
function decided({ pods: _, nodes: __, shown: ___, conditions = [], ...rest }: Standing): JsonObject {
  const verdicts = conditions.map(({ type, status, reason, observedGeneration }) => ({
    ...{ type, status, reason, observedGeneration },
  }));
  return JSON.parse(JSON.stringify({ ...rest, verdicts })) as JsonObject;
}

function eventsOf(object: KubeObject, before: Standing, after: Standing): readonly EventDraft[] {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace = '', uid = '' } = metadata;
  const regarding = { apiVersion, kind, name, namespace, uid };
  const events: EventDraft[] = [];
  const [was, is] = [before, after].map(toWarnOf);
  const isOther = was?.reason !== is?.reason || was?.observedGeneration !== is?.observedGeneration;
  if (is !== undefined && isOther) {
    events.push({ regarding, type: 'Warning', reason: is.reason, action: 'RollOut', note: is.message });
  }
  const { active, moved } = after;
  if (active !== undefined && active.moduleDigest !== before.active?.moduleDigest) {
    const note = `${active.reference} runs: ${active.moduleDigest}`;
    events.push({ regarding, type: 'Normal', reason: 'SwitchedOn', action: 'RollOut', note });
  }
  if (moved !== undefined && moved.manifestDigest !== before.moved?.manifestDigest) {
    const resolved = after.conditions?.find(({ type }) => type === 'Resolved');
    events.push({ regarding, type: 'Normal', reason: 'TagMoved', action: 'CheckTag', note: resolved?.message ?? '' });
  }
  return events;
}

/** Why it is not ready, or why the proxies of new pods may not load what runs. */
function toWarnOf({ conditions }: Standing): Condition | undefined {
  const [ready, trial] = (['Ready', 'TrialLoaded'] as const).map((one) => conditions?.find(({ type }) => type === one));
  const isRefused = ready?.status === 'True' && trial?.reason === 'TrialRefused';
  return ready?.status === 'False' ? ready : isRefused ? trial : undefined;
}
