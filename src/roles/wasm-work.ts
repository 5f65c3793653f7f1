// Answers: what is there to be done about Wasm extensions, in which of two lines it waits, and who does it.
// Does not belong here: one extension (wasm-road.ts), when everything is looked at (wasm-rollout.ts).
import { fieldManagers } from '../core/cluster/names.ts';
import type { ClusterOptions } from '../core/cluster/options.ts';
import { resources } from '../core/cluster/resources.ts';
import { isSameJson } from '../core/model/json.ts';
import { standingOf } from '../core/wasm/declaration/standing.ts';
import { agentOptionsMap } from '../core/wasm/store/agent-options.ts';
import type { ControlTelemetry } from '../edge/control-telemetry.ts';
import type { Kube } from '../edge/kube/client.ts';
import type { FilterDeployments } from './filter-deployments.ts';
import { createKeyQueue, type KeyQueue, type KeyQueueParts } from './key-queue.ts';
import type { Roads } from './wasm-road.ts';
import type { WasmView } from './wasm-view.ts';

/** Keys of the queue: what is of an extension, of an old object, and of nobody. */
const extensionKey = 'extension ';
const filterKey = 'filter ';
const goneKey = 'gone nodes';
const agentKey = 'agents';

const restorationKey = 'restoration ';

const mostRoadsAtOnce = 4;
const mostRestorationsAtOnce = 2;

/** A road may wait for a registry, or for a trial, for minutes: what runs is put right beside it. */
export interface Queues {
  readonly roads: KeyQueue;
  readonly restorations: KeyQueue;
}

export function openQueues(parts: Pick<KeyQueueParts, 'work' | 'failed'>): Queues {
  const roads = createKeyQueue({ ...parts, mostAtOnce: mostRoadsAtOnce });
  roads.add(agentKey);
  return { roads, restorations: createKeyQueue({ ...parts, mostAtOnce: mostRestorationsAtOnce }) };
}

type Counts = Parameters<ControlTelemetry['wasm']['extensions']>[0];

export interface Working {
  readonly kube: Kube;
  readonly options: ClusterOptions;
  readonly view: WasmView;
  readonly roads: Roads;
  readonly filters: FilterDeployments;
  readonly compareMs: number;
}

export function workOf({ kube, options, view, roads, filters, compareMs }: Working) {
  return async (key: string, signal: AbortSignal): Promise<number | undefined> => {
    if (key === agentKey) {
      await keepAgentOptions(kube, options);
      return compareMs;
    }
    if (!view.hasSynced()) return undefined; // comes again with the next change
    if (key === goneKey) return removeGone(kube, view);
    if (key.startsWith(restorationKey)) return roads.restore(key.slice(restorationKey.length), signal);
    if (key.startsWith(filterKey)) return filters.take(key.slice(filterKey.length), signal);
    return roads.take(key.slice(extensionKey.length), signal);
  };
}

/** Everything may be otherwise. How many extensions there are of each kind is returned. */
export function addAll(view: WasmView, { roads, restorations }: Queues): Counts {
  const counts = { ready: 0, refused: 0, waiting: 0 };
  for (const [key, object] of view.extensions()) {
    const { running, conditions } = standingOf(object);
    roads.add(`${extensionKey}${key}`);
    if (running !== undefined) restorations.add(`${restorationKey}${key}`);
    const ready = conditions?.find(({ type }) => type === 'Ready')?.status;
    counts[ready === 'True' ? 'ready' : ready === 'False' ? 'refused' : 'waiting'] += 1;
  }
  for (const key of view.filterDeployments().keys()) roads.add(`${filterKey}${key}`);
  if ([...view.stores().keys()].some((name) => !view.nodes().has(name))) roads.add(goneKey);
  return counts;
}

/** The object of a node outlives it; asked once more, because a watch may be behind. */
async function removeGone(kube: Kube, view: WasmView): Promise<undefined> {
  for (const name of view.stores().keys()) {
    if (view.nodes().has(name)) continue;
    if ((await kube.get(resources.nodes, name)) === undefined) await kube.remove(resources.wasmStores, name);
  }
}

/** The node agents read the options from a map of theirs. */
async function keepAgentOptions(kube: Kube, options: ClusterOptions): Promise<void> {
  const wanted = agentOptionsMap(options);
  const { name, namespace } = wanted.metadata;
  const found = await kube.get(resources.configMaps, name, namespace);
  if (isSameJson(found?.['data'], wanted['data'])) return;
  await kube.apply(wanted, { fieldManager: fieldManagers.control });
}
