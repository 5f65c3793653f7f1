// Answers: which policy tells of pods that came without their sidecar, or with one that would never end. The API server
// itself evaluates it, after all webhooks, so that it speaks while none of ours answers. It asks what the registration
// and then the webhook ask: both selections are made from the same table, and what the webhook leaves alone is left
// alone here.
//
// That a pod was injected is told by the annotation of every injection (ours and Istio's), whatever the template: not
// all of them bring a proxy. It can be forged; but whoever writes pods can also label them not to be injected, so that
// this is no wall against anybody, it is a check that nothing was forgotten.
// Does not belong here: when it is written (roles/control.ts).
import type {
  V1ValidatingAdmissionPolicyBindingSpec,
  V1ValidatingAdmissionPolicySpec,
  V1Validation,
} from '@kubernetes/client-node';
import type { KubeObject } from '../model/kube-object.ts';
import { proxyContainerName } from '../model/pod.ts';
import type { InjectorConfig } from '../model/settings.ts';
import { annotations, labels } from '../settings/catalogue.ts';
import { ownLabels } from './labels.ts';
import { names } from './names.ts';
import type { ClusterOptions } from './options.ts';
import { isNoMirrorPod, neverCalled, podCreation, selectionOf } from './registration.ts';
import { anyOf, matchesAny, meetsAll } from './selector-expressions.ts';
import { namespaceNameLabel, systemNamespaces } from './well-known.ts';

/** What of the injector configuration decides whether a pod is injected. */
export type GuardedConfig = Pick<InjectorConfig, 'policy' | 'neverInjectSelector' | 'alwaysInjectSelector'>;

const apiVersion = 'admissionregistration.k8s.io/v1';

/**
 * The policy and its binding, every default written out; none where the option is off. They can be had from
 * Kubernetes 1.30 on.
 */
export function guard(options: ClusterOptions, injector: GuardedConfig): readonly KubeObject[] {
  const binding = guardBinding(options);
  if (binding === undefined) return [];
  const { metadata } = binding;
  return [{ apiVersion, kind: 'ValidatingAdmissionPolicy', metadata, spec: policy(options, injector) }, binding];
}

/** What puts the policy in force, which the injector configuration has no say in; undefined where the option is off. */
export function guardBinding(options: ClusterOptions): KubeObject | undefined {
  if (options.guard === 'off') return undefined;
  const metadata = { name: names.guard, labels: ownLabels('control') };
  const spec: V1ValidatingAdmissionPolicyBindingSpec = {
    policyName: names.guard,
    validationActions: options.guard === 'deny' ? ['Deny'] : ['Warn', 'Audit'],
  };
  return { apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata, spec };
}

function policy(options: ClusterOptions, injector: GuardedConfig): V1ValidatingAdmissionPolicySpec {
  const excluded = [...new Set([...neverCalled(options), ...systemNamespaces])];
  return {
    failurePolicy: 'Ignore', // a fault of this policy must not keep the cluster from starting pods
    matchConstraints: {
      matchPolicy: 'Equivalent',
      namespaceSelector: { matchExpressions: [{ key: namespaceNameLabel, operator: 'NotIn', values: excluded }] },
      objectSelector: {},
      resourceRules: [podCreation],
    },
    matchConditions: [
      { name: 'no-mirror-pod', expression: isNoMirrorPod },
      { name: 'no-host-network', expression: '!has(object.spec.hostNetwork) || !object.spec.hostNetwork' },
      { name: 'no-whole-sidecar', expression: `!(${hasWholeSidecar()})` },
    ],
    variables: variables(options, injector),
    validations: [...validations],
  };
}

const none = "''";
const status = JSON.stringify(annotations.status.key);
const inject = JSON.stringify(labels.inject.key);
const proxy = JSON.stringify(proxyContainerName);

/** The init container `c` stays. */
const isKept = "has(c.restartPolicy) && c.restartPolicy == 'Always'";

/** The annotation lists what the injection brought, as compact JSON. */
const listsProxy = String.raw`r'"(initContainers|containers)":\s*\[[^\]]*"${proxyContainerName}"'`;

/**
 * Of most pods this is all that is asked: those that have what was injected. Each of the other parts of the policy takes
 * the whole pod apart anew, which costs the API server most of what the policy costs it.
 */
function hasWholeSidecar(): string {
  const marks = 'object.metadata.annotations';
  const init = 'object.spec.initContainers';
  const isInjected = `has(${marks}) && ${status} in ${marks} && ${marks}[${status}] != ${none}`;
  const isNative = `has(${init}) && ${init}.exists(c, c.name == ${proxy} && ${isKept})`;
  const isPlain = `object.spec.containers.exists(c, c.name == ${proxy}) && !(has(${init}) && ${init}.exists(c, c.name == ${proxy}))`;
  return `${isInjected} && ((${isNative}) || (${isPlain}))`;
}

/** Each is evaluated when it is first asked for. */
function variables(options: ClusterOptions, injector: GuardedConfig): { name: string; expression: string }[] {
  const selected = selectionOf(options).map(
    ({ namespace, pod }) =>
      `${meetsAll(namespace, 'variables.namespaceLabels')} && ${meetsAll(pod, 'variables.labels')}`,
  );
  return [
    {
      name: 'namespaceLabels',
      expression: 'has(namespaceObject.metadata.labels) ? namespaceObject.metadata.labels : {}',
    },
    { name: 'labels', expression: 'has(object.metadata.labels) ? object.metadata.labels : {}' },
    { name: 'annotations', expression: 'has(object.metadata.annotations) ? object.metadata.annotations : {}' },
    { name: 'isSelected', expression: anyOf(selected) },
    {
      name: 'choice', // the label hides the annotation, even where it is empty
      expression: `${inject} in variables.labels ? variables.labels[${inject}] : (${inject} in variables.annotations ? variables.annotations[${inject}] : ${none})`,
    },
    { name: 'isDue', expression: `variables.isSelected && ${isWanted(injector)}` },
    { name: 'status', expression: `${status} in variables.annotations ? variables.annotations[${status}] : ${none}` },
    { name: 'initContainers', expression: 'has(object.spec.initContainers) ? object.spec.initContainers : []' },
  ];
}

/** What the webhook decides after the registration: the pod's choice, the selectors, the policy. */
function isWanted({ policy, neverInjectSelector, alwaysInjectSelector }: GuardedConfig): string {
  const isNever = matchesAny(neverInjectSelector, 'variables.labels');
  const isAlways = matchesAny(alwaysInjectSelector, 'variables.labels');
  const undecided: Readonly<Record<string, string>> = {
    enabled: `!(${isNever})`,
    disabled: `!(${isNever}) && (${isAlways})`,
  };
  const rest = undecided[policy];
  if (rest === undefined) return 'false'; // with a policy of another name nothing is injected
  return `(variables.choice == 'true' || (variables.choice != 'false' && ${rest}))`;
}

const doctor = 'run "pillion doctor" to learn why';

const validations: readonly V1Validation[] = [
  {
    expression: `!variables.isDue || variables.status != ${none}`,
    message: `Pod has no sidecar: the webhook of Pillion was not called, or did not answer in time; ${doctor}, and create the pod again`,
    reason: 'Forbidden',
  },
  {
    expression: `!variables.isDue || !variables.status.matches(${listsProxy}) || object.spec.containers.exists(c, c.name == ${proxy}) || variables.initContainers.exists(c, c.name == ${proxy})`,
    message: `Pod has lost its sidecar: it was injected, and another webhook removed the container ${proxyContainerName}; ${doctor}`,
    reason: 'Forbidden',
  },
  {
    expression: `!variables.isDue || variables.initContainers.all(c, c.name != ${proxy} || (${isKept}))`,
    message: `Pod would never start: the init container ${proxyContainerName} has lost restartPolicy: Always, which another webhook removed or this API server does not know; ${doctor}`,
    reason: 'Forbidden',
  },
];
