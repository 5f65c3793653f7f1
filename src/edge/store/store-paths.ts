// Answers: where is what in the store of a node. Pods see `modules` alone; everything is on one file system, so that a
// rename is atomic.
import { join } from 'node:path';
import { hexOf, type ModuleDigest } from '../../core/wasm/digests.ts';
import { extensionsDirectory, gatePath, modulePath, modulesDirectory, storeRoot } from '../../core/wasm/names.ts';

export interface StorePaths {
  readonly root: string;
  readonly modules: string;
  /** The modules by their digests. */
  readonly byDigest: string;
  /** What is being written. Of no worth after a restart. */
  readonly tmp: string;
  /** One directory for each namespace. */
  readonly extensions: string;
  readonly state: string;
  module(digest: ModuleDigest): string;
  gate(namespace: string, name: string, uid: string): string;
}

/** The layout of names.ts below another root. */
export function storePaths(root: string): StorePaths {
  const below = (path: string): string => join(root, path.slice(storeRoot.length));
  return {
    root,
    modules: below(modulesDirectory),
    byDigest: join(below(modulesDirectory), 'sha256'),
    tmp: join(root, 'tmp'),
    extensions: below(extensionsDirectory),
    state: join(root, 'state.json'),
    module: (digest) => below(modulePath(digest)),
    gate: (namespace, name, uid) => below(gatePath(namespace, name, uid)),
  };
}

const moduleName = /^([0-9a-f]{64})\.wasm$/;

/** The digest that a file of the store is named by; undefined for a name that we do not give. */
export function digestOfName(name: string): ModuleDigest | undefined {
  const hex = moduleName.exec(name)?.[1];
  return hex === undefined ? undefined : (`sha256:${hex}` as const);
}

const dnsName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** True where the two can be directory and file: names of Kubernetes are, and nothing else gets into a path. */
export function isPathSafe(namespace: string, name: string): boolean {
  return dnsName.test(namespace) && dnsName.test(name);
}

/** For messages: the first digits tell modules apart. */
export function shortName(digest: ModuleDigest): string {
  return hexOf(digest).slice(0, 12);
}
