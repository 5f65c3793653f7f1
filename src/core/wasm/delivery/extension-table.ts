// Answers: what does the webhook keep of the extensions of a cluster, so that an admission has next to nothing to do:
// everything that does not depend on the pod is decided when an extension changes.
// Does not belong here: watching them (edge/kube/), what a pod gets (deliver-modules.ts).
import type { DeliverableExtension, ExtensionFacts, HardenedLevel, Undelivered } from '../../model/delivered.ts';
import { freeze } from '../../model/freeze.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { fail, ok, type Problem, type Result } from '../../model/problem.ts';
import { readExtension } from '../declaration/read-extension.ts';
import { type Deliverable, type DeliveryDecision, deliveryAtLevel } from './delivery.ts';
import { gateFile } from './host-files.ts';

/** What is kept of a WasmExtension, or why it does not count. */
export type ReadDeliverable = Result<DeliverableExtension, Problem>;

/**
 * Reads the object. Whether `http://` is allowed does not matter here: control refuses such a source, and a pod that must
 * not run without it waits until somebody has put it right.
 */
export function readDeliverable(object: KubeObject): ReadDeliverable {
  const read = readExtension(object, { httpSources: true });
  const { namespace = '', name } = object.metadata;
  if (!read.ok) {
    const expected = `${read.error.message} (${read.error.reason}); it counts for no pod until then`;
    return fail({ path: `WasmExtension ${namespace}/${name}`, value: undefined, expected });
  }
  const extension = read.value;
  const at = (level: HardenedLevel | undefined): DeliveryDecision | Undelivered => decisionOf(extension, level);
  return ok(
    freeze({
      namespace,
      name,
      labels: Object.entries(extension.matchLabels),
      gate: gateFile(namespace, name, extension.uid),
      decisions: { other: at(undefined), baseline: at('baseline'), restricted: at('restricted') },
    }),
  );
}

function decisionOf(extension: Deliverable, level: HardenedLevel | undefined): DeliveryDecision | Undelivered {
  const decision = deliveryAtLevel(extension, level);
  return decision.ok
    ? decision.value
    : { delivery: 'none', reason: decision.error.reason, detail: decision.error.message };
}

/** The table of those that can be read. */
export function extensionTable(all: Iterable<ReadDeliverable>): ExtensionFacts {
  const readable = [...all].flatMap((one) => (one.ok ? [one.value] : []));
  const sorted = readable.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return freeze(Map.groupBy(sorted, ({ namespace }) => namespace));
}

/** What keeps the others from being read. */
export function extensionProblems(all: Iterable<ReadDeliverable>): readonly Problem[] {
  return [...all].flatMap((one) => (one.ok ? [] : [one.error]));
}
