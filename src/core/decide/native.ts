// Answers: does the proxy become a native sidecar (an init container with restartPolicy Always, KEP-753) or a plain one.
// Both have to support it: the kubelets of all nodes that the pod can land on, and the API server.
// Does not belong here: which nodes those are (nodes-of-pod.ts), which kubelets are too old (configuration/node-table.ts).
import { type NativeFacts, type NodeFacts, type NodeTable, stableMinor } from '../model/facts.ts';
import type { PodSpec } from '../model/pod.ts';
import { quoted } from '../model/problem.ts';
import type { NativeDecision, NativeReason } from '../model/verdict.ts';
import { landingOf } from './nodes-of-pod.ts';

/**
 * The pod's annotation, then the option, then what the API server and the kubelets support.
 * Any text in the annotation but `false` means native, as in the peer's template; the empty text means nothing.
 */
export function decideNative(annotation: string | undefined, spec: PodSpec, facts: NativeFacts): NativeDecision {
  if (annotation) return decision(annotation !== 'false', 'pod-annotation', `annotation is "${annotation}"`);
  if (facts.mode !== 'auto') return decision(facts.mode === 'true', 'forced', `option native is "${facts.mode}"`);
  if (facts.apiServer === 'drops') {
    return decision(false, 'api-server-drops-it', 'the API server does not keep restartPolicy on an init container');
  }
  const decided = decideByNodes(spec, facts);
  return decided.native && isDoubtful(facts) ? doubtful : decided;
}

/**
 * No API server is older than a kubelet of its cluster (Kubernetes, version skew policy): one kubelet of a version in
 * which the feature is locked on says as much as asking the API server.
 */
function isDoubtful({ apiServer, nodes }: NativeFacts): boolean {
  return apiServer === 'unknown' && (nodes === undefined || nodes.newestMinor < stableMinor);
}

const doubtful = decision(
  false,
  'api-server-unknown',
  'the API server could not be asked whether it keeps restartPolicy on an init container',
);
const noNodes = decision(true, 'no-nodes', 'there is no node; the API server keeps restartPolicy on an init container');
const noKubelets = decision(true, 'no-kubelets-known', 'no kubelet versions were given');

function decideByNodes(spec: PodSpec, { nodes: table }: NativeFacts): NativeDecision {
  if (table === undefined) return noKubelets;
  if (table.nodes.length === 0) return noNodes;
  const [old] = table.tooOld;
  if (old === undefined) return decision(true, 'kubelets-support-it', `kubelets are of ${table.versions}`);
  const landing = landingOf(spec, table);
  if (landing.kind === 'somewhere') {
    if (landing.tooOld !== undefined) return decision(false, 'node-of-pod-too-old', kubeletOf(landing.tooOld));
    return decision(true, 'nodes-of-pod-support-it', `the pod cannot land where ${inTheWay(old, table)}`);
  }
  const missing = landing.kind === 'nowhere' ? 'no node is as the pod asks, so that all count: ' : '';
  return decision(false, 'kubelet-too-old', `${missing}${inTheWay(old, table)}`);
}

/** One node and how many more there are; never all of them. */
function inTheWay(node: NodeFacts, { tooOld }: NodeTable): string {
  const more = tooOld.size - 1;
  return more === 0 ? kubeletOf(node) : `${kubeletOf(node)}, and ${more} more ${more === 1 ? 'is' : 'are'} too old`;
}

function kubeletOf({ name, kubeletVersion }: NodeFacts): string {
  if (name === '') return `a kubelet is of ${quoted(kubeletVersion)}`;
  return `the kubelet of node "${name}" is of ${quoted(kubeletVersion)}`;
}

function decision(native: boolean, reason: NativeReason, detail: string): NativeDecision {
  return { native, reason, detail };
}
