// Answers: which pods have the store of their node mounted, which of them wait in the kubelet for a file of it, and does
// anybody still bring that file.
// Does not belong here: what mounts it (deliver-modules.ts), who makes the files (edge/store/gates.ts).
import { isObject, type JsonObject, objectsIn } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { deliveryLabel, extensionsDirectory, gatePath, modulesDirectory } from '../names.ts';

/** Finds the pods. */
export const storePodSelector = `${deliveryLabel}=node-store`;

export interface StorePod {
  readonly namespace: string;
  readonly name: string;
  /** Undefined while it waits for a node. */
  readonly node: string | undefined;
  /** Files of the node that the kubelet looks for before it starts the pod. */
  readonly files: readonly string[];
  /** None of its containers has ever been made. */
  readonly isHeld: boolean;
}

/** Undefined for a pod that has no file of the store mounted, and for one that ends or has ended. */
export function readStorePod({ metadata, spec, status }: KubeObject): StorePod | undefined {
  const { phase, containerStatuses, initContainerStatuses } = isObject(status) ? status : {};
  if (metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed') return undefined;
  const { volumes, nodeName } = isObject(spec) ? spec : {};
  const files = objectsIn(volumes).flatMap(({ hostPath }) => {
    const { path, type } = isObject(hostPath) ? hostPath : {};
    return type === 'File' && typeof path === 'string' && isOfStore(path) ? [path] : [];
  });
  if (files.length === 0) return undefined;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    node: typeof nodeName === 'string' ? nodeName : undefined,
    files,
    isHeld: [...objectsIn(initContainerStatuses), ...objectsIn(containerStatuses)].every(hasNeverStarted),
  };
}

function isOfStore(path: string): boolean {
  return [extensionsDirectory, modulesDirectory].some((directory) => path.startsWith(`${directory}/`));
}

/** One that failed and waits to be started again has an id too. */
function hasNeverStarted({ containerID = '', state }: JsonObject): boolean {
  return containerID === '' && !(isObject(state) && ('running' in state || 'terminated' in state));
}

/** Who brings files to nodes at this moment. */
export interface StoreAround {
  /** The option wasm.enabled. */
  readonly isDelivering: boolean;
  /** What pods of the extensions that are there may wait for. */
  readonly gates: ReadonlySet<string>;
  /** Nodes whose agent is ready. */
  readonly agents: ReadonlySet<string>;
}

export const nobodyAround: StoreAround = { isDelivering: false, gates: new Set(), agents: new Set() };

/** What pods that the extension selects may wait for: one of an object, and one that a command made from a file. */
export function gatesOf({ metadata: { namespace = '', name, uid = '' } }: KubeObject): readonly string[] {
  return [uid, ''].map((one) => gatePath(namespace, name, one));
}

/** Why nobody brings what the pod waits for, with what to do; undefined where it does not wait, or somebody does. */
export function whyLeftWaiting(pod: StorePod, around: StoreAround): string | undefined {
  const { node, files, isHeld } = pod;
  if (!isHeld) return undefined;
  if (!around.isDelivering) return `${files[0]} is brought by nobody, since Wasm modules are not delivered; ${anew}`;
  const lost = files.find((path) => path.startsWith(extensionsDirectory) && !around.gates.has(path));
  if (lost !== undefined) return `the extension of ${lost} is gone; if it does not start within 2 minutes, ${anew}`;
  if (node === undefined || around.agents.has(node)) return undefined;
  return `no agent is ready on its node ${node}, which brings ${files[0]}; look at kubectl -n pillion-node get pods -o wide`;
}

const anew = 'make it anew';
