// Answers: which paths of the node does a proxy mount for Wasm modules. The kubelet looks at the path of a mounted
// hostPath volume before it starts any container of the pod: with type File the pod waits, with an event that names the
// path, until the file is there, and starts by itself then. Source: hostPath volume types of Kubernetes.
// Does not belong here: which pod gets which (deliver-modules.ts), who makes the files (the node agent).
import { createHash } from 'node:crypto';
import type { HostFile } from '../../model/delivered.ts';
import { fragment } from '../../model/fragment.ts';
import { hexOf, type ModuleDigest } from '../digests.ts';
import { gateName, gatePath, modulePath, modulesDirectory, namedModulePath } from '../names.ts';

/** Names of volumes have at most 63 characters (RFC 1123, labels). */
const hexDigits = 32;

/**
 * The modules of the store, for reading. Type Directory, not DirectoryOrCreate: a directory that the kubelet made would
 * be none of the agent's, and every pod that mounts the store waits for a file in any case.
 */
export const storeFile: HostFile = hostFile('pillion-wasm-store', 'Directory', modulesDirectory, modulesDirectory);

/**
 * What a pod waits for that must not run without an extension. It is named after the extension and not after a module:
 * pods are not made anew when the extension switches to another module. A pod gets it when it is created, and never again.
 */
export function gateFile(namespace: string, name: string, uid: string): HostFile {
  const path = gatePath(namespace, name, uid);
  const hex = createHash('sha256')
    .update(gateName(namespace, name, uid))
    .digest('hex');
  return hostFile(`pillion-wasm-gate-${hex.slice(0, hexDigits)}`, 'File', path, path);
}

/** What a pod waits for that names a module itself. Mounted beside the store, because a mount in a mount needs order. */
export function moduleFile(digest: ModuleDigest): HostFile {
  const name = `pillion-wasm-module-${hexOf(digest).slice(0, hexDigits)}`;
  return hostFile(name, 'File', modulePath(digest), namedModulePath(digest));
}

function hostFile(name: string, type: 'File' | 'Directory', path: string, mountPath: string): HostFile {
  return {
    volume: fragment({ name, hostPath: { path, type } }),
    mount: fragment({ name, mountPath, readOnly: true }),
  };
}
