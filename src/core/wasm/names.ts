// Answers: what are the things of Wasm delivery called in a cluster and on a node. Public: people write these names
// into their tools.
import { hexOf, type ModuleDigest } from './digests.ts';

export const wasmGroup = 'pillion.dev';
export const wasmVersion = 'v1alpha1';

/** Namespace of the node agent: the only one whose pods may write into the node. */
export const nodeNamespace = 'pillion-node';
/** DaemonSet and ServiceAccount of the node agent. */
export const agentName = 'pillion-agent';

/** ValidatingAdmissionPolicies and their bindings (install/policies.ts). */
export const policyNames = {
  plugins: 'pillion-wasm-plugins',
  envoyFilters: 'pillion-wasm-envoy-filters',
  stores: 'pillion-wasm-stores',
  status: 'pillion-wasm-status',
} as const;

/** The store on a node. Pods see `modules` alone, read-only, under the same path. */
export const storeRoot = '/var/lib/pillion/wasm';
export const modulesDirectory = `${storeRoot}/modules`;
/** What stands for extensions, and is a file once their pods may start (edge/store/gates.ts). */
export const extensionsDirectory = `${storeRoot}/extensions`;

/** Path of a module, on the node and in the proxy. */
export function modulePath(digest: ModuleDigest): string {
  return `${modulesDirectory}/sha256/${hexOf(digest)}.wasm`;
}

/** Where the proxy of a pod that names the module itself mounts it besides. */
export function namedModulePath(digest: ModuleDigest): string {
  return `${storeRoot}/named/${hexOf(digest)}.wasm`;
}

/** The name of a file has at most 255 bytes (NAME_MAX), that of an object 253. */
const longestInFile = 240;

/**
 * What stands for one extension, as `shop/hello_1a2b3c4d`: an extension that is made anew under the same name is another
 * one, and its pods do not start because the one before was switched on. Names of Kubernetes have no `_`.
 * @param uid of the object; empty, or anything that is no uid, where it comes from a file that was never applied
 */
export function gateName(namespace: string, name: string, uid: string): string {
  const start = /^[0-9a-f]{8}/.exec(uid)?.[0];
  return `${namespace}/${name.slice(0, longestInFile)}${start === undefined ? '' : `_${start}`}`;
}

/** Path on the node that the kubelet waits for before it starts a pod that must not run without the extension. */
export function gatePath(namespace: string, name: string, uid: string): string {
  return `${extensionsDirectory}/${gateName(namespace, name, uid)}.wasm`;
}

/** Label of pods: how modules come to their proxy. Selected by the WasmPlugins that we write. */
export const deliveryLabel = 'pillion.dev/wasm-delivery';
export type { Delivery } from '../model/delivered.ts';
export { deliveryPath, extensionsAnnotation, modulesAnnotation } from '../model/delivered.ts';
/** Annotation of an extension: a new value has its tag resolved anew. */
export const resolveAnnotation = 'pillion.dev/resolve';
