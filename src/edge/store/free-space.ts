// Answers: does a module fit on the disk of the node.
import { statfs } from 'node:fs/promises';
import { type Refusal, refusal } from '../../core/wasm/refusals.ts';
import type { StorePaths } from './store-paths.ts';

/** The kubelet and the containers of the node need some too. */
const leftForOthersBytes = 4 * 1024 * 1024;

/** `DiskFull` where so many bytes do not fit; undefined where they do, or nobody knows how many there are. */
export async function lackOfSpace({ root }: StorePaths, sizeBytes: number | undefined): Promise<Refusal | undefined> {
  const { bavail, bsize } = await statfs(root);
  const freeBytes = bavail * bsize;
  if (sizeBytes === undefined || freeBytes >= sizeBytes + leftForOthersBytes) return undefined;
  const free = `${freeBytes} bytes are free on the disk of the node, of which ${leftForOthersBytes} stay free`;
  return refusal('DiskFull', `Cannot write a module of ${sizeBytes} bytes: ${free}`);
}
