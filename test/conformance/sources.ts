// Answers: what are the settings of a case, for those who do not come by the command line.
import type { Facts } from '../../src/core/model/facts.ts';
import { problemLine } from '../../src/core/model/problem.ts';
import { loadFacts, type SettingsSources } from '../../src/edge/settings-files.ts';
import { type Case, customTemplatesFile, settingsFile } from './cases.ts';

/** The settings of a case, as the command line would hand them on. */
export function sourcesOf(one: Case): SettingsSources {
  const { metadata } = one.namespaceObject ?? {};
  return {
    values: settingsFile(one.values),
    mesh: settingsFile(one.mesh),
    native: one.nativeSidecar ? 'true' : 'false',
    revision: one.revision,
    ...(one.customTemplates ? { templates: customTemplatesFile } : {}),
    ...(one.env.PLATFORM === 'openshift' ? { platform: 'openshift' as const } : {}),
    ...(one.env.COMPLIANCE_POLICY === undefined ? {} : { compliancePolicy: one.env.COMPLIANCE_POLICY }),
    ...(metadata === undefined ? {} : { namespace: metadata }),
  };
}

/** The facts of a case; throws with every problem where its settings cannot be read. */
export async function factsOf(one: Case): Promise<Facts> {
  const facts = await loadFacts(sourcesOf(one));
  if (!facts.ok) throw new Error(facts.error.map(problemLine).join('\n'));
  return facts.value;
}
