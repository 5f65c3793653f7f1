// Answers: what does the pull secret of an extension hold, and what is to be done where it may not be read.
// Nobody reads all secrets: whoever owns the extension lets Pillion read the one that it names.
import { names, ownNamespace } from '../../core/cluster/names.ts';
import { resources } from '../../core/cluster/resources.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { fail, type Result } from '../../core/model/problem.ts';
import { type Credentials, readPullSecret } from '../../core/wasm/image/docker-config.ts';
import { agentName, nodeNamespace } from '../../core/wasm/names.ts';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { Kube } from './client.ts';
import { KubeError } from './kube-error.ts';

/** Role and RoleBinding in the namespace of the extension. */
export const pullRole = 'pillion-pull';

/** ServiceAccounts that pull: control resolves and tries, the agents fetch. */
export const pullers = [
  { namespace: ownNamespace, name: names.control },
  { namespace: nodeNamespace, name: agentName },
] as const;

/**
 * The credentials of the secret. Refused as PullSecretUnreadable where it is not there, is of another type or may not be
 * read; throws KubeError where the API server is in trouble.
 */
export async function readPullSecretOf(
  kube: Pick<Kube, 'get'>,
  namespace: string,
  name: string,
): Promise<Result<Credentials, Refusal>> {
  const what = `Cannot read the pull secret ${namespace}/${name}`;
  let secret: KubeObject | undefined;
  try {
    secret = await kube.get(resources.secrets, name, namespace);
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'forbidden') throw error;
    const commands = grantCommands(namespace, name).join(' && ');
    return fail(refusal('PullSecretUnreadable', `${what}: it is forbidden; its owner allows it with: ${commands}`));
  }
  if (secret === undefined) return fail(refusal('PullSecretUnreadable', `${what}: there is none`));
  return readPullSecret(secret);
}

/** What the owner of the secret runs, once for each namespace; a second secret is added to the Role's resourceNames. */
function grantCommands(namespace: string, secret: string): readonly string[] {
  const accounts = pullers.map((puller) => `--serviceaccount=${puller.namespace}:${puller.name}`).join(' ');
  return [
    `kubectl -n ${namespace} create role ${pullRole} --verb=get --resource=secrets --resource-name=${secret}`,
    `kubectl -n ${namespace} create rolebinding ${pullRole} --role=${pullRole} ${accounts}`,
  ];
}
