// Answers: do a client's TLS settings agree with each other. Rules: ValidateTLS of Istio, for a setting of the mesh.
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import type { Problem } from '../model/problem.ts';

interface Rule {
  readonly when: (tls: JsonObject) => boolean;
  readonly fields: readonly string[];
  readonly must: 'be absent' | 'be set';
  /** The circumstance, as the end of a sentence. */
  readonly because: string;
}

const rules: readonly Rule[] = [
  {
    when: (tls) => String(tls['credentialName']).startsWith('configmap://'),
    fields: ['credentialName'],
    must: 'be absent',
    because: 'where it names a ConfigMap: a proxy configuration belongs to no namespace',
  },
  {
    when: (tls) => tls['insecureSkipVerify'] === true && tls['mode'] === 'SIMPLE',
    fields: ['caCertificates', 'credentialName', 'subjectAltNames'],
    must: 'be absent',
    because: 'where insecureSkipVerify is true',
  },
  {
    when: (tls) => tls['insecureSkipVerify'] === true && tls['mode'] === 'MUTUAL',
    fields: ['caCertificates', 'subjectAltNames'],
    must: 'be absent',
    because: 'where insecureSkipVerify is true',
  },
  {
    when: (tls) => tls['credentialName'] !== undefined && (tls['mode'] === 'SIMPLE' || tls['mode'] === 'MUTUAL'),
    fields: ['clientCertificate', 'caCertificates', 'privateKey', 'caCrl'],
    must: 'be absent',
    because: 'where credentialName is set',
  },
  {
    when: (tls) => tls['credentialName'] === undefined && tls['mode'] === 'MUTUAL',
    fields: ['clientCertificate', 'privateKey'],
    must: 'be set',
    because: 'for mode MUTUAL',
  },
];

/** Everything that contradicts, with paths below the given one; none for anything that is no mapping. */
export function tlsProblems(tls: unknown, path: string): readonly Problem[] {
  if (!isObject(tls)) return [];
  return rules
    .filter((rule) => rule.when(tls))
    .flatMap(({ fields, must, because }) =>
      fields
        .filter((field) => (tls[field] === undefined) === (must === 'be set'))
        .map((field) => ({
          path: `${path}.${field}`,
          value: shownOf(tls[field]),
          expected: `must ${must} ${because}`,
        })),
    );
}

function shownOf(value: unknown): string | undefined {
  return value === undefined ? undefined : shown(value);
}
