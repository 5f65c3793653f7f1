// Answers: which settings are in use, while the files that hold them may change at any time.
// Does not belong here: reading them (edge/settings-files.ts).
import type { Facts } from '../core/model/facts.ts';
import { fail, ok, problemLine, type Result } from '../core/model/problem.ts';
import { type Followed, followFiles } from '../edge/followed-files.ts';
import { loadFacts, type SettingsSources } from '../edge/settings-files.ts';
import type { Telemetry } from '../edge/telemetry.ts';
import type { Readiness } from './readiness.ts';

/**
 * Loads the settings, one frozen value that is swapped as a whole, and follows their files. A change that cannot be read
 * leaves the last good settings in use, and says so; the process stays ready with them.
 * @returns the settings; or, where the first load fails, one line for each problem
 */
export function followSettings(
  sources: SettingsSources,
  telemetry: Telemetry,
  readiness: Readiness,
): Promise<Result<Followed<Facts>, readonly string[]>> {
  const { values, overrides, config, mesh, templates } = sources;
  return followFiles<Facts, readonly string[]>({
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
}
