// Answers: what are the things of Wasm delivery called in a cluster and on a node. Public: people write these names
// into their tools.
import { hexOf, type ModuleDigest } from './digests.ts';

export const wasmGroup = 'pillion.dev';
export const wasmVersion = 'v1alpha1';

/** Namespace of the node agent: the only one whose pods may write into the node. */
export const nodeNamespace = 'pillion-node';
/** DaemonSet and ServiceAccount of the node agent. */
export const agentName = 'pillion-agent';

/** Path under which the API server calls the webhook for pods that another injector injects. */
export const deliveryPath = '/wasm';

/** The store on a node. Pods see `modules` alone, read-only, under the same path. */
export const storeRoot = '/var/lib/pillion/wasm';
export const modulesDirectory = `${storeRoot}/modules`;
/** Files that stand for extensions: a hard link to the module that an extension runs, there once it is switched on. */
export const extensionsDirectory = `${storeRoot}/extensions`;

/** Path of a module, on the node and in the proxy. */
export function modulePath(digest: ModuleDigest): string {
  return `${modulesDirectory}/sha256/${hexOf(digest)}.wasm`;
}

/** Path on the node that the kubelet waits for before it starts a pod that must not run without the extension. */
export function gatePath(namespace: string, name: string): string {
  return `${extensionsDirectory}/${namespace}/${name}.wasm`;
}

/** Label of pods: how modules come to their proxy. Selected by the WasmPlugins that we write. */
export const deliveryLabel = 'pillion.dev/wasm-delivery';
export type Delivery = 'node-store' | 'agent-pull';
/** Annotation of pods: for each extension that selects the pod, how it is delivered and why. JSON. */
export const extensionsAnnotation = 'pillion.dev/wasm-extensions';
/** Annotation of pods that users write: modules to mount by digest, without any extension. `sha256:…,sha256:…` */
export const modulesAnnotation = 'pillion.dev/wasm-modules';
/** Annotation of an extension: a new value has its tag resolved anew. */
export const resolveAnnotation = 'pillion.dev/resolve';
