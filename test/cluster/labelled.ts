// Answers: which combinations of labels can a namespace and a pod have, as far as the registration asks. Those that are
// asked for, those of others, none, and texts that mean nothing.
import type { StringMap } from '../../src/core/model/pod.ts';

export interface Labelled {
  readonly namespace: StringMap;
  readonly pod: StringMap;
}

const revisions = [undefined, 'default', 'canary', 'other'];
const injections = [undefined, 'enabled', 'disabled'];
const choices = [undefined, 'true', 'false', '', 'yes'];

function labels(pairs: Readonly<Record<string, string | undefined>>): StringMap {
  return Object.fromEntries(
    Object.entries(pairs).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function combine<A, B, C>(some: readonly A[], others: readonly B[], make: (a: A, b: B) => C): readonly C[] {
  return some.flatMap((a) => others.map((b) => make(a, b)));
}

export const namespaceLabels: readonly StringMap[] = combine(injections, revisions, (injection, revision) =>
  labels({ 'istio-injection': injection, 'istio.io/rev': revision }),
);

const podLabels = combine(choices, revisions, (choice, revision) =>
  labels({ 'sidecar.istio.io/inject': choice, 'istio.io/rev': revision }),
);

export const allLabelled: readonly Labelled[] = combine(namespaceLabels, podLabels, (namespace, pod) => ({
  namespace,
  pod,
}));

/** Options of installations that select differently. */
export const selections: readonly object[] = [
  {},
  { namespacesByDefault: true },
  { revision: 'canary' },
  { revision: 'canary', tags: ['default'] },
  { revision: 'canary', tags: ['default', 'other'], namespacesByDefault: true },
  { tags: ['canary'] },
  { tags: ['canary'], onlyTags: true },
];
