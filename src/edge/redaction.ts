// Answers: what of the settings may be shown to whoever can reach the management port: everything but secrets.
import { isObject } from '../core/model/json.ts';

export const removed = '(removed)';

const secretName = /passw|passphrase|secret|token|credential|apikey|authorization|\.?pem$|[a-z_-]key$/i;
/** Names that only look like it: an audience, names of objects in the cluster. */
const harmlessNames: ReadonlySet<string> = new Set(['tokenAudience', 'imagePullSecrets', 'secretName']);
/** PEM blocks, JSON web tokens, authorization headers, addresses with a password in them. */
const secretText = /-----BEGIN|\beyJ[\w-]{8,}\.|\b(?:bearer|basic) \S{8}|:\/\/[^/\s:@]+:[^/\s@]+@/i;

/** A copy as JSON with Maps as objects; texts that look like a secret, or have a name that does, are taken out. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return secretText.test(value) ? removed : value;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (value instanceof Map) return withoutSecretMembers([...value]);
  return isObject(value) ? withoutSecretMembers(Object.entries(value)) : value;
}

function withoutSecretMembers(members: readonly (readonly [string, unknown])[]): object {
  // an environment variable has its name beside its value
  const variable = members.find(([name]) => name === 'name')?.[1];
  const isSecretVariable = typeof variable === 'string' && isSecretName(variable);
  return Object.fromEntries(
    members.map(([name, value]) => {
      const isSecret = isSecretName(name) || (isSecretVariable && name === 'value');
      return [name, isSecret && !isEmpty(value) ? removed : withoutSecrets(value)];
    }),
  );
}

function isSecretName(name: string): boolean {
  return secretName.test(name) && !harmlessNames.has(name);
}

/** What holds nothing is no secret, and worth knowing. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || typeof value === 'boolean';
}
