// Answers: how do the options come to the node agents. Their own document is YAML and checked by a schema, which takes
// more memory than an agent has; so the group `wasm` stands in a ConfigMap beside them too, checked and as JSON.
import { ownLabels } from '../../cluster/labels.ts';
import type { ClusterOptions } from '../../cluster/options.ts';
import { isObject, parseJson } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import { agentName, nodeNamespace } from '../names.ts';

const agentOptionsKey = 'wasm.json';

/** ConfigMap pillion-node/pillion-agent: `install` writes it first, `pillion control` whenever the options change. */
export function agentOptionsMap({ wasm }: Pick<ClusterOptions, 'wasm'>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: agentName, namespace: nodeNamespace, labels: ownLabels('agent') },
    data: { [agentOptionsKey]: JSON.stringify(wasm) },
  };
}

/** Every value has its kind; whether it is allowed was asked when the map was written. */
const kinds: { readonly [key in keyof ClusterOptions['wasm']]: (value: unknown) => boolean } = {
  enabled: isBoolean,
  filterDeployments: isBoolean,
  maxModuleMegabytes: isNumber,
  httpSources: isBoolean,
  plainHttpRegistries: isListOf(isText),
  caBundle: isText,
  signatures: isText,
  keys: isListOf((one) => isObject(one) && isText(one['name']) && isText(one['pem'])),
  threshold: isNumber,
  deniedDigests: isListOf(isText),
  modules: isListOf((one) => isObject(one) && isText(one['source']) && isText(one['sha256'])),
};

/** The options in the map. The error is one line. */
export function readAgentOptions(map: KubeObject): Result<ClusterOptions['wasm'], string> {
  const data = isObject(map['data']) ? map['data'] : {};
  const text = data[agentOptionsKey];
  const value = typeof text === 'string' ? parseJson(text) : undefined;
  const wrong = isObject(value) ? Object.entries(kinds).find(([key, isKind]) => !isKind(value[key]))?.[0] : '';
  if (wrong === undefined) return ok(value as unknown as ClusterOptions['wasm']);
  const what = wrong === '' ? 'it holds no JSON object' : `"${wrong}" is missing or of another kind`;
  return fail(
    `Cannot read ${agentOptionsKey} of ConfigMap ${nodeNamespace}/${agentName}: ${what}; pillion control writes it anew`,
  );
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isListOf(isKind: (one: unknown) => boolean): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.every(isKind);
}
