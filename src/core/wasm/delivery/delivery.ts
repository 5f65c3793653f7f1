// Answers: how do the modules of an extension come to the pods of a namespace, and why that way. The webhook mounts by
// it and control writes Istio's objects by it: both ask here, so that no proxy is told of a file that it does not have.
//
//   the namespace forbids hostPath   agent-pull; refused where that cannot be or the node store is asked for
//   delivery: agent-pull             agent-pull
//   delivery: node-store             node-store
//   onMissing: run-without           agent-pull
//   anything else                    node-store
//
// Does not belong here: the pod's volumes (deliver-modules.ts), the objects of Istio.
import {
  type DeliveryDecision,
  type DeliveryReason,
  type HardenedLevel,
  hardenedLevel,
} from '../../model/delivered.ts';
import type { StringMap } from '../../model/pod.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import type { Extension } from '../extension.ts';
import type { Delivery } from '../names.ts';
import { type Refusal, refusal } from '../refusals.ts';

export { type DeliveryDecision, type DeliveryReason, deliveryReasons } from '../../model/delivered.ts';

/** What of an extension decides. */
export type Deliverable = Pick<Extension, 'onMissing' | 'delivery' | 'rawConfig' | 'source'>;

/**
 * How the extension's module comes to the pods of a namespace.
 * @param namespaceLabels of the pod's namespace; undefined where nobody knows them, which counts as no level
 * @returns the delivery, or why there is none: `PodSecurityForbids`, `Unsupported`
 */
export function deliveryOf(
  extension: Deliverable,
  namespaceLabels: StringMap | undefined,
): Result<DeliveryDecision, Refusal> {
  return deliveryAtLevel(extension, hardenedLevel(namespaceLabels));
}

/** The same by the level of the Pod Security Standards that the namespace enforces, where it forbids hostPath. */
export function deliveryAtLevel(
  extension: Deliverable,
  level: HardenedLevel | undefined,
): Result<DeliveryDecision, Refusal> {
  const { delivery, onMissing } = extension;
  const isPullable = extension.rawConfig === undefined && extension.source.kind !== 'file';
  const needsStore = !isPullable || delivery === 'node-store';
  if (needsStore && (delivery === 'agent-pull' || onMissing === 'run-without'))
    return fail(contradiction(extension, isPullable));
  if (level !== undefined) {
    if (needsStore) return fail(forbidden(level, isPullable));
    return decided('agent-pull', 'pod-security', `the namespace enforces ${level}`);
  }
  if (delivery !== 'auto') return decided(delivery, 'extension-asks', `delivery is ${delivery}`);
  if (onMissing === 'run-without') return decided('agent-pull', 'run-without', 'onMissing is run-without');
  return decided('node-store', 'usual', 'onMissing is block, and the namespace allows hostPath');
}

function decided(delivery: Delivery, reason: DeliveryReason, detail: string): Result<DeliveryDecision, Refusal> {
  return ok({ delivery, reason, detail });
}

/** A proxy that is told of a file that is not there answers every request with 500: it does not run without. */
function contradiction({ delivery, rawConfig }: Deliverable, isPullable: boolean): Refusal {
  const needs = isPullable
    ? 'delivery: node-store'
    : `${rawConfig === undefined ? 'a file as source' : 'rawConfig'}, which needs the node store,`;
  const against = delivery === 'agent-pull' ? 'delivery: agent-pull' : 'onMissing: run-without, which does not wait';
  return refusal('Unsupported', `Cannot deliver the module: ${needs} contradicts ${against}`);
}

function forbidden(level: HardenedLevel, isPullable: boolean): Refusal {
  const because = isPullable ? 'the extension asks for delivery: node-store' : 'its configuration needs the node store';
  return refusal(
    'PodSecurityForbids',
    `Cannot deliver the module: ${because}, and the namespace enforces ${level}, which forbids hostPath volumes`,
  );
}
