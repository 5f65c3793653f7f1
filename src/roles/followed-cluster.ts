// Answers: which settings are in use, while those of the cluster may change at any time, and who is told of it.
// Does not belong here: following them (edge/kube/live-settings.ts), settings in files (followed-settings.ts).
import { hostname } from 'node:os';
import { placeOfProblem } from '../core/cluster/settings-documents.ts';
import type { FactsOptions } from '../core/configuration/read-facts.ts';
import type { EventDraft } from '../core/model/event.ts';
import type { Facts } from '../core/model/facts.ts';
import { fail, ok, type Problem, problemLine, type Result } from '../core/model/problem.ts';
import type { Review } from '../core/model/review.ts';
import type { Verdict } from '../core/model/verdict.ts';
import { connect, type Kube, type KubeOptions } from '../edge/kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../edge/kube/events.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { followClusterSettings, type LiveSettings } from '../edge/kube/live-settings.ts';
import { createVerdictEvents } from '../edge/kube/verdict-events.ts';
import type { Logger } from '../edge/log.ts';
import type { Telemetry } from '../edge/telemetry.ts';
import type { FollowedSettings } from './followed-settings.ts';
import type { Readiness } from './readiness.ts';

export interface ClusterParts {
  readonly cluster: KubeOptions;
  /** Options of the process, which are stronger than those of the cluster. */
  readonly options: FactsOptions;
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
}

/**
 * Follows the settings of the cluster. Broken ones leave the last good ones in use, and that is told in the log, a
 * metric, the readiness and an Event on the ConfigMap. Once there were settings, neither broken ones nor an API server
 * that cannot be reached make the process unready.
 * @returns the settings, which may come later; or one line where there is no cluster to ask
 */
export async function followCluster(parts: ClusterParts): Promise<Result<FollowedSettings, readonly string[]>> {
  const { cluster, options, telemetry, readiness } = parts;
  const kube = connectTo(cluster);
  if (!kube.ok) return kube;
  const events = createEvents(kube.value, telemetry);
  const warn = (found: readonly Problem[]): void => tellWarnings(telemetry.log, found);
  const live: LiveSettings = followClusterSettings(kube.value, {
    over: { options },
    accepted: (_facts, warnings) => {
      warn(warnings);
      telemetry.settingsInUse(live.sources());
      const reason = `in use since ${new Date().toISOString()}: ${live.sources().join(', ')}`;
      readiness.set('settings', true, () => [reason, ...complaints(live)].join('; '));
    },
    rejected: (found) => {
      const problems = found.map(problemLine);
      if (live.current() === undefined) telemetry.settingsMissing(problems);
      else telemetry.settingsRejected(problems);
      for (const event of eventsOf(found, live)) events.record(event);
    },
    passedOver: warn,
    troubled: (watch, error) => {
      tellTrouble(telemetry.log, watch, error);
      if (error !== undefined && isBehind(live, watch)) telemetry.settingsRejected(live.waitingFor());
    },
    failed: telemetry.failed,
  });
  readiness.set('settings', false, () => live.waitingFor().join('; ') || 'being read');
  telemetry.followed(() => ({ watches: live.watches(), nodes: live.nodeCount() }));
  const close = (): void => {
    live.close();
    void events.close();
  };
  return ok({
    current: live.current,
    first: (stopping) => firstOf(live, stopping),
    refresh: () => {}, // nothing is needed: what changes comes by itself
    decided: afterwards(createVerdictEvents(events)),
    close,
  });
}

/** The answer goes out first; what was injected is nothing to tell of. */
function afterwards(tell: (review: Review, verdict: Verdict) => void): (review: Review, verdict: Verdict) => void {
  return (review, verdict) => {
    if (verdict.kind !== 'inject' && verdict.kind !== 'deliver') setImmediate(tell, review, verdict);
  };
}

function createEvents(kube: Kube, telemetry: Telemetry): EventRecorder {
  return createEventRecorder(kube, {
    reportingController: 'pillion.dev/webhook',
    reportingInstance: hostname(),
    dropped: telemetry.eventDropped,
    failed: telemetry.eventsFailed,
  });
}

function tellWarnings(log: Logger, found: readonly Problem[]): void {
  for (const problem of found) log.warn({ warning: problemLine(problem) }, 'settings');
}

function tellTrouble(log: Logger, watch: string, error: string | undefined): void {
  if (error === undefined) log.info({ watch }, 'watch is up to date again');
  else log.warn({ watch, error }, 'watch may be out of date');
}

function connectTo(cluster: KubeOptions): Result<Kube, readonly string[]> {
  try {
    return ok(connect(cluster));
  } catch (error) {
    if (error instanceof KubeError) return fail([error.message]);
    throw error;
  }
}

async function firstOf(live: LiveSettings, stopping: AbortSignal): Promise<(() => Facts) | undefined> {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  stopping.addEventListener('abort', () => resolve(), { once: true });
  if (!stopping.aborted) await Promise.race([live.first, stopped]);
  // from the first facts on there are always some
  return live.current() === undefined ? undefined : () => live.current() as Facts;
}

/** Settings are in use, and those that should take their place need something that has never been read. */
function isBehind(live: LiveSettings, watch: string): boolean {
  return live.current() !== undefined && live.watches().some(({ title, hasSynced }) => title === watch && !hasSynced);
}

/** What is not as it should be while settings are in use. */
function complaints(live: LiveSettings): readonly string[] {
  const waiting = live.waitingFor();
  const troubles = live
    .watches()
    .flatMap(({ title, trouble, hasSynced }) => (trouble && hasSynced ? [`${title}: ${trouble}`] : []));
  return [
    ...(waiting.length === 0 ? [] : [`they are the last good ones; those of the cluster: ${waiting.join('; ')}`]),
    ...(troubles.length === 0 ? [] : [`changes may be missed: ${troubles.join('; ')}`]),
  ];
}

/** One Event for each ConfigMap, about all of its problems; one that is not there is named all the same. */
function eventsOf(problems: readonly Problem[], live: LiveSettings): readonly EventDraft[] {
  const byTitle = Map.groupBy(problems, (problem) => JSON.stringify(placeOfProblem(problem)));
  return [...byTitle.values()].flatMap((found) => {
    const place = found[0] && placeOfProblem(found[0]);
    if (place === undefined) return [];
    const uid = live.find(place)?.metadata.uid;
    const regarding = { apiVersion: 'v1', kind: 'ConfigMap', ...place, ...(uid && { uid }) };
    const note = found.map(problemLine).join('; ');
    return [{ regarding, type: 'Warning', reason: 'SettingsRejected', action: 'ReadSettings', note }];
  });
}
