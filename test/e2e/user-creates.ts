// Answers: what is a user told who creates a pod: kubectl prints why it is refused, and warnings about it, to stderr.
// Does not belong here: pods at a rate (create-pods.ts), objects that only have to be there (Namespace.create()).
import type { Attempt, Cluster } from './cluster.ts';
import { pod } from './objects.ts';

/** A pod of that name; `more` are arguments of kubectl. */
export function userCreatesPod(
  cluster: Cluster,
  { name: namespace }: { readonly name: string },
  name: string,
  more: readonly string[] = [],
): Promise<Attempt> {
  return cluster.tryKubectl(['create', '-n', namespace, '-f', '-', ...more], JSON.stringify(pod({ name })));
}
