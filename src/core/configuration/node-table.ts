// Answers: which of the nodes run native sidecars. Looked through once for a list of nodes, so that no request has to.
// The kubelet decides what works, not the API server: a kubelet that does not know the field runs the proxy as an
// ordinary init container, which never ends.
// Does not belong here: which nodes a pod can land on (decide/nodes-of-pod.ts).
import type { NodeFacts, NodeTable } from '../model/facts.ts';

/** `v1.33.4-gke.1`, `v1.34.0+k3s1`: a vendor's suffix says nothing about the version. */
const version = /^v?([0-9]+)\.([0-9]+)(?:\.[0-9]+)*(?:[-+~].*)?$/;

/** Versions that are named; a cluster in the middle of an upgrade has two or three. */
const mostVersions = 5;

/**
 * The minor version of a kubelet; undefined where the text is none, as some virtual nodes report. The major version is
 * not looked at, as at the peer.
 */
export function kubeletMinor(kubelet: string): number | undefined {
  const minor = version.exec(kubelet)?.[2];
  return minor === undefined ? undefined : Number(minor);
}

/**
 * The table of the nodes, frozen; a version that cannot be read does not count as new enough.
 * @param minimumMinor the smallest minor version of a kubelet that runs native sidecars
 */
export function nodeTable(nodes: readonly NodeFacts[], minimumMinor: number): NodeTable {
  const byName = new Map<string, NodeFacts>();
  const tooOld = new Set<NodeFacts>();
  const versions = new Set<string>();
  let newestMinor = -1;
  for (const node of nodes) {
    const minor = kubeletMinor(node.kubeletVersion) ?? -1;
    if (node.name !== '') byName.set(node.name, node);
    if (minor < minimumMinor) tooOld.add(node);
    if (minor > newestMinor) newestMinor = minor;
    versions.add(node.kubeletVersion);
  }
  return Object.freeze({ nodes, byName, tooOld, newestMinor, versions: listed([...versions]) });
}

function listed(versions: readonly string[]): string {
  const more = versions.length - mostVersions;
  return `${versions.slice(0, mostVersions).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
