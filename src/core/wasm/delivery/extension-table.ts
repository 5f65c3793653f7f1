// Answers: what does the webhook keep of the extensions of a cluster, so that an admission has next to nothing to do:
// everything that does not depend on the pod is decided when an extension changes.
// Does not belong here: watching them (edge/kube/), what a pod gets (deliver-modules.ts).
import type { DeliverableExtension, ExtensionFacts, HardenedLevel, Undelivered } from '../../model/delivered.ts';
import { freeze } from '../../model/freeze.ts';
import { isObject, isSameJson } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import type { Problem } from '../../model/problem.ts';
import { readExtension } from '../declaration/read-extension.ts';
import { declaredWith, readRunning } from '../declaration/running.ts';
import { standingOf } from '../declaration/standing.ts';
import type { Extension } from '../extension.ts';
import { type Deliverable, type DeliveryDecision, deliveryAtLevel } from './delivery.ts';
import { gateFile } from './host-files.ts';

/** What is kept of a WasmExtension. */
export interface ReadDeliverable {
  /** By what runs, then, where that is another, by what is declared; none where it counts for no pod. */
  readonly extensions: readonly DeliverableExtension[];
  /** What is wrong with it. */
  readonly problem: Problem | undefined;
}

/**
 * Reads the object. Whether `http://` is allowed does not matter here: control refuses such a source, and a pod that must
 * not run without it waits until somebody has put it right. Where a change of the declaration is refused, waits, or cannot
 * be read, what runs goes on, for pods that are created meanwhile, too.
 */
export function readDeliverable(object: KubeObject): ReadDeliverable {
  const read = readExtension(object, { httpSources: true });
  const running = readRunning(object);
  if (read.ok) {
    const declared = deliverableOf(read.value);
    const former = running && deliverableOf(running);
    const isOther = former !== undefined && !isSameJson(former, declared);
    const extensions = isOther ? [freeze({ ...former, isFormer: true as const }), declared] : [declared];
    return { extensions, problem: undefined };
  }
  const runs = running ?? runningPart(object);
  const { namespace = '', name } = object.metadata;
  const until = runs === undefined ? 'it counts for no pod until then' : 'pods get what runs already until then';
  const expected = `${read.error.message} (${read.error.reason}); ${until}`;
  return {
    extensions: runs === undefined ? [] : [deliverableOf(runs)],
    problem: { path: `WasmExtension ${namespace}/${name}`, value: undefined, expected },
  };
}

/** What says which pods get the module, and how. */
const deciding = ['selector', 'rawConfig', 'onMissing', 'delivery'];

/** For a status that does not tell it: what can be read of the declaration. Undefined where nobody knows for which pods. */
function runningPart(object: KubeObject): Extension | undefined {
  const { active } = standingOf(object);
  const spec = object['spec'];
  if (active === undefined || !isObject(spec)) return undefined;
  for (const keys of [deciding, deciding.slice(0, 2), deciding.slice(0, 1)]) {
    const parts = Object.fromEntries(Object.entries(spec).filter(([key]) => keys.includes(key)));
    const read = declaredWith(object, parts, active);
    if (read !== undefined) return read;
  }
  return undefined;
}

function deliverableOf(extension: Extension): DeliverableExtension {
  const { namespace, name, uid, matchLabels } = extension;
  const at = (level: HardenedLevel | undefined): DeliveryDecision | Undelivered => decisionOf(extension, level);
  return freeze({
    namespace,
    name,
    labels: Object.entries(matchLabels),
    gate: gateFile(namespace, name, uid),
    decisions: { other: at(undefined), baseline: at('baseline'), restricted: at('restricted') },
  });
}

function decisionOf(extension: Deliverable, level: HardenedLevel | undefined): DeliveryDecision | Undelivered {
  const decision = deliveryAtLevel(extension, level);
  return decision.ok
    ? decision.value
    : { delivery: 'none', reason: decision.error.reason, detail: decision.error.message };
}

/** The table of those that can be read. */
export function extensionTable(all: Iterable<ReadDeliverable>): ExtensionFacts {
  const readable = [...all].flatMap(({ extensions }) => extensions);
  const sorted = readable.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  return freeze(Map.groupBy(sorted, ({ namespace }) => namespace));
}

/** What is wrong with some of them. */
export function extensionProblems(all: Iterable<ReadDeliverable>): readonly Problem[] {
  return [...all].flatMap(({ problem }) => problem ?? []);
}
