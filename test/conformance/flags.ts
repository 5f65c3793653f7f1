// Answers: how is a case handed to the command, and what does it send to the webhook.
// Does not belong here: reading the answer (answers.ts), judging it (judge.ts).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Case, customTemplatesFile, namespaceOf, settingsFile } from './cases.ts';

/** The options that say with what is injected: the same for `inject` and `serve`. */
export function settingsFlags(one: Case): readonly string[] {
  const { PLATFORM, COMPLIANCE_POLICY } = one.env;
  return [
    ...['--values', settingsFile(one.values)],
    ...['--mesh', settingsFile(one.mesh)],
    ...['--native', String(one.nativeSidecar)],
    ...['--revision', one.revision],
    ...(one.customTemplates ? ['--templates', customTemplatesFile] : []),
    ...(PLATFORM === undefined ? [] : ['--platform', PLATFORM]),
    ...(COMPLIANCE_POLICY === undefined ? [] : ['--compliance-policy', COMPLIANCE_POLICY]),
  ];
}

/** The option that names the namespace's own object, written into the directory; none where the case has no such object. */
export function namespaceObjectFlags(one: Case, directory: string): readonly string[] {
  if (one.namespaceObject === null) return [];
  const file = join(directory, `${one.name}-namespace.json`);
  writeFileSync(file, JSON.stringify(one.namespaceObject));
  return ['--namespace-object', file];
}

/** The surroundings, which a webhook learns from the request and the command from options. */
export function namespaceFlags(one: Case, directory: string): readonly string[] {
  return ['--namespace', namespaceOf(one), ...namespaceObjectFlags(one, directory)];
}

/** The AdmissionReview that an API server would send. */
export function reviewText(one: Case): string {
  const request = {
    uid: `uid-${one.name}`,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: namespaceOf(one),
    operation: 'CREATE',
    object: one.input,
    oldObject: null,
    dryRun: false,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  };
  return JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request });
}
