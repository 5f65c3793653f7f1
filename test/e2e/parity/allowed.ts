// Answers: in what may a pod that istiod's webhook has injected differ from the same pod that ours has. This list is all:
// a difference outside it fails the test, and so does an entry that no pair of pods needs any more.
// Does not belong here: how pods are compared (compare-pods.ts).

/** One difference that is no fault. */
export interface Allowed {
  /**
   * Place in the pod, and all that is below it. List elements by name, `[]` where they have none; `[*]` stands for any
   * element. Or that only one of the two lets the pod in.
   */
  readonly path: string;
  readonly why: 'identity' | 'time' | 'token volume' | 'status' | 'same JSON' | NamedDifference;
  /** What both values look like, so that nothing else is let through at this place. */
  readonly like?: RegExp;
  /** The value stands at other places too: one is put for the other in the whole pod before the rest is compared. */
  readonly isEverywhere?: true;
  /** Names of the pairs; all where absent. */
  readonly pairs?: RegExp;
}

/** In the place of a path: this one alone does not let the pod in. */
export const refusedBy = { istiod: 'refused by istiod', pillion: 'refused by Pillion' } as const;

/** A section of docs/differences.md. */
export interface NamedDifference {
  readonly difference: string;
}

const uid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const seconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Names of pairs begin with one of these where the pods run, and where they are injected for the second time. */
export const runningPrefix = 'runs ';
export const againPrefix = 'again-';
const running = new RegExp(`^${runningPrefix}`);

export const allowed: readonly Allowed[] = [
  { path: 'metadata.namespace', why: 'identity', isEverywhere: true }, // two namespaces, or one webhook would not do
  { path: 'metadata.name', why: 'identity', like: /-[a-z0-9]{5}$/, isEverywhere: true }, // where Kubernetes makes it up
  { path: 'metadata.uid', why: 'identity', like: uid },
  { path: 'metadata.ownerReferences[*].uid', why: 'identity', like: uid, isEverywhere: true }, // also a label of Jobs
  { path: 'metadata.resourceVersion', why: 'identity', like: /^\d+$/ },
  { path: 'metadata.creationTimestamp', why: 'time', like: seconds },
  { path: 'metadata.managedFields[*].time', why: 'time', like: seconds },
  { path: 'spec.volumes[*].name', why: 'token volume', like: /^kube-api-access-[a-z0-9]{5}$/, isEverywhere: true },
  { path: 'status.conditions[*].lastTransitionTime', why: 'time', like: seconds },
  { path: 'status', why: 'status', pairs: running },
  { path: 'metadata.managedFields', why: 'status', pairs: running }, // who wrote the status, and when

  // Go prints empty fields and \u0026; read as JSON the texts are the same
  { path: 'metadata.annotations.proxy.istio.io/overrides', why: 'same JSON' },
  { path: 'spec.initContainers[istio-proxy].env[ISTIO_KUBE_APP_PROBERS].value', why: 'same JSON' },

  ...named('text-is-literal', 'quotes-in-proxy-config', [refusedBy.istiod]),
  ...named('text-is-literal', `(${againPrefix})?number-with-a-zero`, [
    'spec.initContainers[istio-proxy].readinessProbe.periodSeconds',
  ]),
  ...named('user-proxy-follows-mode', 'own-native-proxy-in-plain-mode', [refusedBy.istiod]),
  ...named('json-is-read-to-its-end', `(${againPrefix})?more-than-json`, [refusedBy.pillion]),
  ...named('grpc-agent-keeps-user-mounts', 'mounts-of-grpc-agent', [refusedBy.istiod]),
  ...named('rewritten-probes-are-not-registered-again', `${againPrefix}probe-of-the-agent`, [
    'spec.initContainers[istio-proxy].env[]', // istiod's has one more variable
  ]),
  ...named('overrides-survive-reinjection', `${againPrefix}own-proxy`, [
    'spec.initContainers[istio-proxy].imagePullPolicy',
    'spec.initContainers[istio-proxy].args',
    'spec.initContainers[istio-proxy].env[PILOT_CERT_PROVIDER].value',
    'spec.initContainers[istio-proxy].lifecycle.preStop.exec.command',
    'spec.initContainers[istio-proxy].resources',
    'spec.initContainers[istio-proxy].securityContext',
  ]),
  ...named('overrides-survive-reinjection', `${againPrefix}own-native-proxy`, [
    'spec.initContainers[istio-proxy].imagePullPolicy',
    'spec.initContainers[istio-proxy].resources',
  ]),
  ...named('overrides-survive-reinjection', `${againPrefix}own-plain-proxy`, ['spec.containers[istio-proxy].image']),
  ...named('overrides-survive-reinjection', `${againPrefix}own-init`, [
    'spec.initContainers[istio-init].imagePullPolicy',
    'spec.initContainers[istio-init].resources',
  ]),
  ...named('overrides-survive-reinjection', `${againPrefix}gateway`, ['spec.containers[istio-proxy].imagePullPolicy']),
  ...named('overrides-survive-reinjection', `${againPrefix}gateway-and-more`, [
    'spec.containers[istio-proxy].imagePullPolicy',
  ]),
  ...named('overrides-survive-reinjection', `${againPrefix}grpc-agent`, [
    'spec.containers[second].env[GRPC_XDS_BOOTSTRAP].value',
  ]),
];

function named(difference: string, pair: string, paths: readonly string[]): readonly Allowed[] {
  return paths.map((path) => ({ path, why: { difference }, pairs: new RegExp(`^${pair}$`) }));
}
