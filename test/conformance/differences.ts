// Answers: in which cases do we differ from the peer on purpose. Each difference has a name and is told in
// docs/differences.md; an entry that is no longer needed fails.
export interface NamedDifference {
  readonly case: string;
  readonly name: string;
  /** What differs and why ours is better. */
  readonly doc: string;
}

export const namedDifferences: readonly NamedDifference[] = [
  {
    case: '069-sidecar-spire',
    name: 'proxy-has-one-place',
    doc: 'A template that adds to the proxy reaches it where it is; the peer adds a second istio-proxy without image, which Kubernetes refuses.',
  },
];
