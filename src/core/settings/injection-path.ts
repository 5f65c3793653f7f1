// Answers: what does the URL of the webhook say. The path after /inject/ carries parameters of the cluster that the pod
// runs in: `/inject/cluster/c2/net/n2`, or in the older form `/inject/:ENV:cluster=c2:ENV:net=n2`.

/** The path without parameters. */
export const bareInjectionPath = '/inject';

const legacyMark = ':ENV:';
const variableOf: Readonly<Record<string, string>> = { cluster: 'ISTIO_META_CLUSTER_ID', net: 'ISTIO_META_NETWORK' };

/** The environment variables that the (percent-decoded) path asks for, by name; later ones replace earlier ones. */
export function injectionParameters(path: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path;
  const start = trimmed.startsWith('/inject/') ? trimmed.slice('/inject/'.length) : '';
  const pairs = start.startsWith(legacyMark) ? legacyPairs(start) : slashPairs(start);
  for (const [key, value] of pairs) {
    const name = variableOf[key] ?? key.toUpperCase();
    if (name !== '') parameters.set(name, value);
  }
  return parameters;
}

function slashPairs(text: string): [string, string][] {
  const parts = text.split('/');
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    pairs.push([parts[i] ?? '', (parts[i + 1] ?? '').replaceAll('--slash--', '/')]);
  }
  return pairs;
}

function legacyPairs(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  for (const part of text.split(legacyMark)) {
    const equals = part.indexOf('=');
    if (equals > 0) pairs.push([part.slice(0, equals), part.slice(equals + 1)]);
  }
  return pairs;
}
