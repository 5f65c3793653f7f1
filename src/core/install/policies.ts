// Answers: what keeps people who may write objects of Istio or of ours from getting past what was verified. The API server
// itself evaluates these policies, so that nothing of ours has to be up, and only where such an object is written.
//
// They judge everybody but the ServiceAccount that writes the objects: neither administrators are let through nor whoever
// may do everything, since what brings the manifests of tenants into a cluster often may (docs/decisions/0014).
// Does not belong here: who may write these objects at all, which is RBAC's (access.ts, agent.ts).
import type {
  V1MatchCondition,
  V1NamedRuleWithOperations,
  V1ValidatingAdmissionPolicyBindingSpec,
  V1ValidatingAdmissionPolicySpec,
  V1Validation,
  V1Variable,
} from '@kubernetes/client-node';
import { ownLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import { type Resource, resources, statusOf } from '../cluster/resources.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { isDigest } from '../wasm/digests.ts';
import { agentName, modulePath, namedModulePath, nodeNamespace, policyNames, storeRoot } from '../wasm/names.ts';

interface PolicyRow {
  readonly name: string;
  readonly rule: V1NamedRuleWithOperations;
  /** All have to hold, or the policy says nothing. */
  readonly conditions: readonly V1MatchCondition[];
  readonly variables?: readonly V1Variable[];
  readonly validations: readonly V1Validation[];
}

/** Every policy and its binding, with every default written out; none where Wasm is off. Since Kubernetes 1.30. */
export function wasmPolicies({ wasm }: Pick<ClusterOptions, 'wasm'>): readonly KubeObject[] {
  if (!wasm.enabled) return [];
  const everybodys = wasm.modules.map(({ sha256 }) => sha256).filter(isDigest);
  const free = everybodys.flatMap((digest) => [modulePath(digest), namedModulePath(digest)]);
  return [plugins(free), envoyFilters(free), status, stores].flatMap(objectsOf);
}

const apiVersion = 'admissionregistration.k8s.io/v1';

function objectsOf({ name, rule, conditions, variables = [], validations }: PolicyRow): readonly KubeObject[] {
  const metadata = { name, labels: ownLabels() };
  const policy: V1ValidatingAdmissionPolicySpec = {
    failurePolicy: 'Fail',
    matchConstraints: { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, resourceRules: [rule] },
    matchConditions: [...conditions],
    ...(variables.length > 0 && { variables: [...variables] }),
    validations: [...validations],
  };
  const binding: V1ValidatingAdmissionPolicyBindingSpec = { policyName: name, validationActions: ['Deny'] };
  return [
    { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata, spec: policy },
    { apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata, spec: binding },
  ];
}

/** In whatever version they are served, now or later. */
function writesOf({ apiVersion, plural }: Resource, ...others: readonly Resource[]): V1NamedRuleWithOperations {
  const [group = ''] = apiVersion.split('/');
  const plurals = [plural, ...others.map((one) => one.plural)];
  return { apiGroups: [group], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: plurals, scope: '*' };
}

const control = `'system:serviceaccount:${ownNamespace}:${names.control}'`;
const agent = `'system:serviceaccount:${nodeNamespace}:${agentName}'`;
const user = 'request.userInfo.username';
const forbidden = { reason: 'Forbidden' } as const;

const notByControl: V1MatchCondition = { name: 'not-by-control', expression: `${user} != ${control}` };

/** Metadata may be changed by anybody who may: finalizers have to go, owners too. */
const byOthers: readonly V1MatchCondition[] = [
  notByControl,
  {
    name: 'spec-is-new',
    expression: "request.operation == 'CREATE' || dyn(object).?spec != dyn(oldObject).?spec",
  },
];

/** A list of strings in CEL. */
function listOf(texts: readonly string[]): string {
  return `[${texts.map((text) => `'${text}'`).join(', ')}]`;
}

const belongs = 'is in the store of the nodes, whose modules belong to the extensions that brought them';
const declare =
  'declare a WasmExtension that names your source, or have the module listed in wasm.modules of the options';

/**
 * WasmPlugins, and the kind that is to follow them. Istio takes what comes after `file://` for the path, as it is, and the
 * proxy opens it from its working directory, which is the root. So a path is taken apart here as the kernel would.
 */
function plugins(free: readonly string[]): PolicyRow {
  const { wasmPlugins, trafficExtensions } = resources;
  const plugin = `(request.resource.resource == '${trafficExtensions.plural}' ? dyn(object).?spec.?wasm : dyn(object).?spec)`;
  const url = `${plugin}.?url.orValue('')`;
  const shown = `'"' + variables.url + '"'`;
  return {
    name: policyNames.plugins,
    rule: writesOf(wasmPlugins, trafficExtensions),
    conditions: [...byOthers, { name: 'is-a-file', expression: `${url}.trim().lowerAscii().startsWith('file:')` }],
    variables: [
      { name: 'url', expression: url },
      { name: 'secret', expression: `${plugin}.?imagePullSecret.orValue('')` },
      {
        name: 'path',
        expression: `'/' + variables.url.trim().lowerAscii().substring(5).split('/').filter(s, s != '' && s != '.').join('/') + '/'`,
      },
    ],
    validations: [
      {
        expression: "variables.secret == ''",
        message: 'Cannot use imagePullSecret with a file: the module would be shown the Secret; leave it out',
        messageExpression: `'Cannot use imagePullSecret with ' + ${shown} + ': the module would be shown the Secret in its environment; leave it out, since no registry is asked for a file'`,
        ...forbidden,
      },
      {
        expression: "!variables.path.contains('/../') && !variables.url.contains('%')",
        message: 'Cannot use a file by this URL: it does not tell plainly which; write its path without ".." and "%"',
        messageExpression: `'Cannot use ' + ${shown} + ': it does not tell plainly which file is meant; write its path without ".." and "%"'`,
        ...forbidden,
      },
      {
        expression: `!variables.path.contains('${storeRoot}/') || variables.url in ${listOf(free.map((path) => `file://${path}`))}`,
        message: `Cannot use this file: it ${belongs}; ${declare}`,
        messageExpression: `'Cannot use ' + ${shown} + ': the file ${belongs}; ${declare}'`,
        ...forbidden,
      },
    ],
  };
}

/**
 * EnvoyFilters say anything in any form, Lua among it: whoever may write them cannot be kept from a file that the proxy may
 * read. What is asked is that nobody does it plainly: a path of the store, wherever it stands.
 */
function envoyFilters(free: readonly string[]): PolicyRow {
  const text = `'%s'.format([dyn(object).?spec.orValue({})])`;
  const isFree = `${listOf(free.map((path) => path.slice(storeRoot.length)))}.exists(f, part.startsWith(f))`;
  return {
    name: policyNames.envoyFilters,
    rule: writesOf(resources.envoyFilters),
    conditions: [...byOthers, { name: 'names-the-store', expression: `${text}.contains('${storeRoot}/')` }],
    variables: [{ name: 'parts', expression: `${text}.split('${storeRoot}')` }],
    validations: [
      {
        // the first part is what stands before the first path, and begins as no path does
        expression: `variables.parts.filter(part, ${isFree}).size() == variables.parts.size() - 1`,
        message: `Cannot use a file of ${storeRoot}: it ${belongs}; ${declare}`,
        ...forbidden,
      },
    ],
  };
}

const tokenNode = "request.userInfo.extra[?'authentication.kubernetes.io/node-name'][0].orValue('')";
const report = "'Cannot write WasmStore \"' + dyn(object).metadata.name + '\": '";

/** What one node holds counts for the switch of everybody's modules: no node speaks for another. */
const stores: PolicyRow = {
  name: policyNames.stores,
  rule: writesOf(resources.wasmStores),
  conditions: [
    {
      name: 'is-a-report',
      expression: `${user} == ${agent} || request.operation == 'CREATE' || dyn(object).?status != dyn(oldObject).?status`,
    },
  ],
  validations: [
    {
      expression: `${user} == ${agent}`,
      message: `Cannot write a WasmStore: the agent of the node alone says what its store holds; see its log: kubectl -n ${nodeNamespace} logs daemonset/${agentName}`,
      messageExpression: `${report} + 'the agent of the node alone says what its store holds; see its log: kubectl -n ${nodeNamespace} logs daemonset/${agentName}'`,
      ...forbidden,
    },
    {
      // in every token of a pod, since Kubernetes 1.30 (ServiceAccountTokenPodNodeInfo, KEP-4193)
      expression: `${user} != ${agent} || ${tokenNode} == dyn(object).metadata.name`,
      message: 'Cannot write the WasmStore of another node: an agent speaks for its own node alone',
      messageExpression: `${report} + (${tokenNode} == '' ? 'the token of this agent names no node; run it in a pod, and switch the feature gate ServiceAccountTokenPodNodeInfo of the API server on' : 'the token of this agent is of node "' + ${tokenNode} + '"; start it with the name of its own node')`,
      ...forbidden,
    },
  ],
};

const status: PolicyRow = {
  name: policyNames.status,
  rule: writesOf(statusOf(resources.wasmExtensions)),
  conditions: [notByControl],
  validations: [
    {
      expression: 'false',
      message:
        'Cannot write the status of a WasmExtension: pillion control alone says what it has resolved, verified and tried; change the spec, or ask anew with the annotation pillion.dev/resolve',
      ...forbidden,
    },
  ],
};
