// Answers: with which settings does the command line decide: those of files, or of a cluster as it is.
// Does not belong here: reading them (edge/).
import type { Facts } from '../core/model/facts.ts';
import { problemLine, type Result } from '../core/model/problem.ts';
import { withDeclared } from '../core/wasm/delivery/declared-extensions.ts';
import type { Kube } from '../edge/kube/client.ts';
import { loadFacts, loadSources } from '../edge/settings-files.ts';
import { type OptionValues, UsageError } from './command.ts';
import { settingsSources } from './settings-options.ts';

export interface SettingsAtHand {
  /** The facts for pods in these namespaces, and what a person should know of them, one line each. */
  factsFor(namespaces: readonly string[]): Promise<{ readonly facts: Facts; readonly warnings: readonly string[] }>;
  readonly revision: string;
  /** What was passed over in the settings, one line each. */
  readonly warnings: readonly string[];
}

/** The settings that the options name as files; throws UsageError with every problem. */
export async function fileSettings(options: OptionValues): Promise<SettingsAtHand> {
  const loaded = await loadFacts(settingsSources(options));
  if (!loaded.ok) throw unusable(loaded);
  const facts = loaded.value;
  return {
    factsFor: async () => ({ facts, warnings: [] }),
    revision: facts.revision,
    warnings: loaded.warnings.map(problemLine),
  };
}

/**
 * The settings of the cluster; what the options name as files is stronger. Throws UsageError with every problem, and
 * KubeError where the cluster cannot be asked.
 */
export async function clusterSettings(kube: Kube, options: OptionValues): Promise<SettingsAtHand> {
  const { documents, options: own, problems } = await loadSources(settingsSources(options));
  if (problems.length > 0) throw unusable({ error: problems });
  const { readNamespaces, readSettings } = await import('../edge/kube/read-settings.ts');
  const read = await readSettings(kube, { documents, options: own });
  if (!read.ok) throw unusable(read);
  const declared = withDeclared({ ok: true, value: read.value.facts, warnings: [] }, documents.extensions);
  if (!declared.ok) throw unusable(declared);
  const facts = declared.value;
  const warnings = [...read.value.warnings, ...declared.warnings.map(problemLine)];
  return {
    factsFor: async (names) => {
      const found = await readNamespaces(kube, names);
      return { facts: { ...facts, namespaces: found.namespaces }, warnings: found.warnings };
    },
    revision: facts.revision,
    warnings,
  };
}

function unusable({ error }: Pick<Result<never> & { readonly ok: false }, 'error'>): UsageError {
  return new UsageError(error.map(problemLine).join('\n'));
}
