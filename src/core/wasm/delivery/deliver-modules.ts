// Answers: what does a pod with a proxy get, so that the Wasm modules of the extensions that select it come to the
// proxy: volumes and mounts of the node store, a label, a record. Nothing that somebody else wrote is changed or moved,
// and a second pass over its own work changes nothing.
// Does not belong here: how an extension is delivered (delivery.ts), which injector made the proxy.
import {
  type DeliverableExtension,
  type Delivered,
  type Delivery,
  deliveryReasons,
  hardenedLevel,
} from '../../model/delivered.ts';
import type { Facts } from '../../model/facts.ts';
import { findProxy, type Pod, type StringMap } from '../../model/pod.ts';
import { annotationPath, fail, ok, type Problem, type Result } from '../../model/problem.ts';
import type { ModuleDigest } from '../digests.ts';
import { deliveryLabel, extensionsAnnotation, modulesAnnotation } from '../names.ts';
import { type DeliveryPlan, noneBlocked, outcomeOf, planFor, planOf, wishOfPod } from './delivery-plan.ts';
import { storeFile } from './host-files.ts';
import { mountHostFiles } from './mount-host-files.ts';

export interface DeliveryInput {
  readonly pod: Pod;
  readonly namespace: string;
  /** What the pod itself names by digest. */
  readonly named: readonly ModuleDigest[];
  readonly facts: Pick<Facts, 'extensions' | 'namespaces' | 'mesh'>;
}

export interface ModulesOfPod {
  /** The pod that came, where it gets nothing. */
  readonly pod: Pod;
  readonly modules: readonly Delivered[];
  /** What an extension that selects the pod does not get, one line each. */
  readonly warnings: readonly string[];
}

const none: readonly never[] = Object.freeze([]);

/**
 * The pod with what its modules need. The labels that count are those it has now, which are those that Istio selects
 * by. Without extensions in the facts, nothing is delivered.
 * @returns or the problems, where the pod asks for what cannot be
 */
export function deliverModules({ pod, namespace, named, facts }: DeliveryInput): Result<ModulesOfPod> {
  const { extensions } = facts;
  if (extensions === undefined)
    return ok(getsNothing(pod, named, 'Wasm modules are not delivered here; set the option wasm.enabled'));
  if (findProxy(pod) === undefined) return ok(getsNothing(pod, named, 'the pod has no container istio-proxy'));
  const matching = selecting(pod.metadata.labels, namespace, facts);
  if (matching.length + named.length === 0) return ok(getsNothing(pod));
  const around = facts.namespaces.get(namespace);
  const level = around?.hardened ?? hardenedLevel(around?.labels);
  if (named.length > 0 && level !== undefined) return fail([forbiddenByLevel(level)]);
  const plan = planFor(matching, level ?? 'other', extensions);
  return ok(carryOut(pod, named.length === 0 ? plan : planOf([...plan.wishes, ...named.map(wishOfPod)])));
}

/** A pod that itself names modules is told why it gets none. */
function getsNothing(pod: Pod, named: readonly ModuleDigest[] = none, because = ''): ModulesOfPod {
  const warnings = named.length === 0 ? none : [`Nobody reads ${annotationPath(modulesAnnotation)}: ${because}`];
  return { pod, modules: none, warnings };
}

function forbiddenByLevel(level: string): Problem {
  return {
    path: annotationPath(modulesAnnotation),
    value: undefined,
    expected: `must not be there: the namespace enforces ${level}, which forbids hostPath volumes; declare a WasmExtension`,
  };
}

/** Those of Istio's root namespace come first; the order is always the same. */
function selecting(
  labels: StringMap | undefined,
  namespace: string,
  { extensions, mesh }: DeliveryInput['facts'],
): readonly DeliverableExtension[] {
  const found: DeliverableExtension[] = [];
  collect(extensions?.get(mesh.rootNamespace), labels, found);
  if (namespace !== mesh.rootNamespace) collect(extensions?.get(namespace), labels, found);
  return found;
}

function collect(
  extensions: readonly DeliverableExtension[] | undefined,
  labels: StringMap | undefined,
  found: DeliverableExtension[],
): void {
  if (extensions === undefined) return;
  for (const extension of extensions) {
    const last = found.at(-1);
    // by what runs, and by what is declared beside it: the first counts
    const isThere = last?.name === extension.name && last.namespace === extension.namespace;
    if (!isThere && selects(extension, labels)) found.push(extension);
  }
}

function selects({ labels: asked }: DeliverableExtension, labels: StringMap | undefined): boolean {
  for (const [key, value] of asked) if (labels?.[key] !== value) return false;
  return true;
}

function carryOut(pod: Pod, { wishes, files, outcome }: DeliveryPlan): ModulesOfPod {
  const mounted = files.length === 0 ? { pod, blocked: noneBlocked } : mountHostFiles(pod, files);
  const isWhole = mounted.blocked.size === 0;
  const { modules, warnings, label, record } = isWhole ? outcome : outcomeOf(wishes, mounted.blocked);
  if (modules.length === 0) return { pod, modules, warnings };
  const supplied = mounted.blocked.has(storeFile) ? pod : mounted.pod;
  return { pod: marked(supplied, label, record), modules, warnings };
}

/** With the label that our WasmPlugins select by, and what was decided. */
function marked(pod: Pod, label: Delivery, record: string): Pod {
  const { metadata } = pod;
  const labels = { ...metadata.labels, [deliveryLabel]: label };
  const annotations = { ...metadata.annotations, [extensionsAnnotation]: record };
  return { ...pod, metadata: { ...metadata, labels, annotations } };
}

/** What was delivered, in words: for `why`. */
export function deliveredText({ extension, module, delivery, reason, detail }: Delivered): string {
  return `${extension ?? module}: ${delivery}, ${detail} (${reason}). ${deliveryReasons[reason]}`;
}
