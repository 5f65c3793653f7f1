// Answers: which objects let Pillion read one pull secret. Nobody may read all secrets: whoever owns the extension allows
// the one that it names.
import type { JsonObject } from '../../model/json.ts';
import { isObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';

interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Names of objects and of who is allowed, which are the same everywhere. */
export interface PullRight {
  readonly role: string;
  readonly accounts: readonly Account[];
}

/**
 * Role and RoleBinding for the secret, besides those that the Role which is there allows already.
 * @param present the Role of that name, where there is one
 */
export function pullRightObjects(
  { role, accounts }: PullRight,
  namespace: string,
  secret: string,
  present?: KubeObject,
): readonly KubeObject[] {
  const secrets = [...new Set([...allowedBy(present), secret])].sort();
  const rbac = 'rbac.authorization.k8s.io';
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata: { name: role, namespace },
      rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: secrets, verbs: ['get'] }],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: role, namespace },
      roleRef: { apiGroup: rbac, kind: 'Role', name: role },
      subjects: accounts.map((account) => ({ kind: 'ServiceAccount', ...account })),
    },
  ];
}

function allowedBy(role: KubeObject | undefined): readonly string[] {
  const rules: readonly unknown[] = Array.isArray(role?.['rules']) ? role['rules'] : [];
  return rules
    .filter(isObject)
    .flatMap(({ resourceNames }: JsonObject) =>
      Array.isArray(resourceNames) ? resourceNames.filter((name) => typeof name === 'string') : [],
    );
}
