// Answers: where is the API server for a process inside a pod, and with what does it show who it is. The kubelet writes
// a new token into the same file before the old one ends.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, type Result } from '../../core/model/problem.ts';
import type { KubeConnection } from './plain-client.ts';

/** Where the kubelet mounts what belongs to the pod's ServiceAccount. */
export const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A token is read again after so long; the kubelet renews it when 80 % of its hour or more are over. */
const keptMs = 60_000;

/**
 * The connection by the service account in the directory, and the address that the kubelet gives in the environment.
 * @returns why there is none, in one line
 */
export async function serviceAccountConnection(
  directory: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Result<KubeConnection, string>> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  const noPod = 'run it in a pod, or name a kubeconfig with --kubeconfig';
  if (host === '') return fail(`Cannot find a cluster: KUBERNETES_SERVICE_HOST is not set; ${noPod}`);
  const authority = createKeptFile(join(directory, 'ca.crt'));
  const token = createKeptFile(join(directory, 'token'));
  try {
    await Promise.all([authority(), stat(join(directory, 'token'))]);
  } catch (error) {
    return fail(`Cannot read the service account: ${error instanceof Error ? error.message : error}; ${noPod}`);
  }
  return ok({
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    options: async () => {
      const [ca, bearer] = await Promise.all([authority(), token()]);
      return { ca, headers: { Authorization: `Bearer ${bearer.trim()}` } };
    },
  });
}

/** Reads a file, and again after a while. */
function createKeptFile(path: string): () => Promise<string> {
  let kept: string | undefined;
  let readAt = 0;
  return async () => {
    if (kept === undefined || performance.now() - readAt > keptMs) {
      kept = await readFile(path, 'utf8');
      readAt = performance.now();
    }
    return kept;
  };
}
