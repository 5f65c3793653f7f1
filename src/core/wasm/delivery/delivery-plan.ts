// Answers: what is to be done for all pods that the same extensions select, worked out once: what is mounted, what the
// pod is marked with, what is told.
// Does not belong here: which extensions select a pod, and what stands on it already (deliver-modules.ts).
import type { DeliverableExtension, Delivered, Delivery, ExtensionFacts, HostFile } from '../../model/delivered.ts';
import { freeze } from '../../model/freeze.ts';
import type { ModuleDigest } from '../digests.ts';
import { moduleFile, storeFile } from './host-files.ts';

type Level = keyof DeliverableExtension['decisions'];

/** What is to be done for a pod, before it is known what stands on it. The same for many pods, and made once for them. */
export interface DeliveryPlan {
  readonly wishes: readonly Wish[];
  /** The store and what is waited for; none where nothing comes from there. */
  readonly files: readonly HostFile[];
  /** Where nothing is in the way. */
  readonly outcome: Outcome;
}

/** A module that is wanted, and what is mounted for it; it comes, or says why it does not. */
export interface Wish {
  readonly file: HostFile | undefined;
  readonly comes: Delivered | undefined;
  readonly warning: string;
}

export interface Outcome {
  readonly modules: readonly Delivered[];
  readonly warnings: readonly string[];
  readonly label: Delivery;
  /** Value of the annotation. */
  readonly record: string;
}

const plans = new WeakMap<ExtensionFacts, Map<string, DeliveryPlan>>();
/** Of one table. Pods of one cluster fall into few groups; labels that differ from pod to pod select nothing. */
const mostPlans = 1_000;

/** The plan for the extensions that select a pod, in the order of the list. */
export function planFor(
  matching: readonly DeliverableExtension[],
  level: Level,
  extensions: ExtensionFacts,
): DeliveryPlan {
  let key: string = level;
  for (const { namespace, name, isFormer } of matching) key += ` ${namespace}/${name}${isFormer ? ' former' : ''}`;
  const made = plans.get(extensions) ?? new Map<string, DeliveryPlan>();
  const known = made.get(key);
  if (known !== undefined) return known;
  const plan = planOf(matching.map((extension) => wishOf(extension, level)));
  if (made.size >= mostPlans) made.clear();
  plans.set(extensions, made.set(key, plan));
  return plan;
}

export function planOf(wishes: readonly Wish[]): DeliveryPlan {
  const files = wishes.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const withStore = files.length === 0 ? files : [storeFile, ...files];
  return freeze({ wishes, files: withStore, outcome: outcomeOf(wishes, noneBlocked) });
}

export const noneBlocked: ReadonlySet<HostFile> = new Set();
const blocked = 'the proxy mounts something else at the path of the store, or of the file that it waits for';

function wishOf({ namespace, name, gate, decisions }: DeliverableExtension, level: Level): Wish {
  const extension = `${namespace}/${name}`;
  const decision = decisions[level];
  if (decision.delivery === 'none') {
    const { reason, detail } = decision;
    return { file: undefined, comes: undefined, warning: undeliveredText(extension, detail, reason) };
  }
  const file = decision.delivery === 'node-store' ? gate : undefined;
  return { file, comes: { extension, ...decision }, warning: undeliveredText(extension, blocked) };
}

/** For a module that the pod itself names. */
export function wishOfPod(module: ModuleDigest): Wish {
  const comes: Delivered = { module, delivery: 'node-store', reason: 'pod-annotation', detail: 'the pod names it' };
  return { file: moduleFile(module), comes, warning: undeliveredText(module, blocked) };
}

function undeliveredText(what: string, why: string, reason?: string): string {
  return `The Wasm module of ${what} is not delivered${reason === undefined ? '' : ` (${reason})`}: ${why}`;
}

/** What comes of it where the places of these files are taken. */
export function outcomeOf(wishes: readonly Wish[], inTheWay: ReadonlySet<HostFile>): Outcome {
  const modules: Delivered[] = [];
  const warnings: string[] = [];
  for (const { file, comes, warning } of wishes) {
    const isBlocked = file !== undefined && (inTheWay.has(file) || inTheWay.has(storeFile));
    if (comes === undefined || isBlocked) warnings.push(warning);
    else modules.push(comes);
  }
  const label = modules.some(({ delivery }) => delivery === 'node-store') ? 'node-store' : 'agent-pull';
  const record = JSON.stringify(modules.map(({ detail: _inWords, ...one }) => one));
  return { modules, warnings, label, record };
}
