// Answers: which settings are in use, while the files that hold them may change at any time.
// Does not belong here: reading them (edge/settings-files.ts), settings of a cluster (followed-cluster.ts).
import type { Facts } from '../core/model/facts.ts';
import { fail, ok, problemLine, type Result } from '../core/model/problem.ts';
import type { Review } from '../core/model/review.ts';
import type { Verdict } from '../core/model/verdict.ts';
import { followFiles } from '../edge/followed-files.ts';
import { loadFacts, type SettingsSources } from '../edge/settings-files.ts';
import type { Telemetry } from '../edge/telemetry.ts';
import type { Readiness } from './readiness.ts';

/** Settings that are followed, wherever they are. */
export interface FollowedSettings {
  /** Undefined before the first ones that can be used. */
  current(): Facts | undefined;
  /** The facts of each moment, as soon as there are any; undefined where somebody asks to stop before. */
  first(stopping: AbortSignal): Promise<(() => Facts) | undefined>;
  /** Reads them again, changed or not. */
  refresh(): void;
  /** Tells those whom a decision concerns; never holds anybody up. */
  readonly decided?: (review: Review, verdict: Verdict) => void;
  close(): void;
}

/**
 * Loads the settings, one frozen value that is swapped as a whole, and follows their files. A change that cannot be read
 * leaves the last good settings in use, and says so; the process stays ready with them.
 * @returns the settings; or, where the first load fails, one line for each problem
 */
export async function followSettings(
  sources: SettingsSources,
  telemetry: Telemetry,
  readiness: Readiness,
): Promise<Result<FollowedSettings, readonly string[]>> {
  const { values, overrides, config, mesh, templates } = sources;
  const followed = await followFiles<Facts, readonly string[]>({
    paths: [values, overrides, config, mesh, templates].filter((path) => path !== undefined),
    load: async () => {
      const loaded = await loadFacts(sources);
      if (!loaded.ok) return fail(loaded.error.map(problemLine));
      for (const warning of loaded.warnings) telemetry.log.warn({ warning: problemLine(warning) }, 'settings');
      return ok(loaded.value);
    },
    accepted: () => {
      telemetry.settingsInUse();
      readiness.set('settings', true, `in use since ${new Date().toISOString()}`);
    },
    rejected: (problems) => {
      telemetry.settingsRejected(problems);
      readiness.set('settings', true, `the last good ones are in use; those on disk: ${problems.join('; ')}`);
    },
    failed: telemetry.failed,
  });
  if (!followed.ok) return followed;
  const { current, refresh, close } = followed.value;
  return ok({ current, first: async () => current, refresh: () => void refresh(), close });
}
