// Answers: is this the same as what was trusted, or tried, before. Prints are short digests that are kept in the status,
// so that whoever leads next neither verifies nor tries again.
import { createHash } from 'node:crypto';
import type { ModuleDigest } from '../digests.ts';
import type { Extension, Revision } from '../extension.ts';
import type { Trust } from '../trust.ts';

export function print(value: unknown, digits: number): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, digits);
}

/** Of what signatures have to hold against. */
export function trustPrint(trusts: readonly Trust[]): string {
  return trusts.length === 0 ? 'nobody' : print(trusts, 16);
}

/** What of an extension reaches the module: the same as is tried. */
export type Configured = Pick<Extension, 'pluginName' | 'pluginConfig' | 'rawConfig' | 'vmEnv' | 'traffic'>;

/** The root id that the proxy is told: the one declared, else the first that the image names. */
export function rootIdOf(
  { pluginName }: Pick<Extension, 'pluginName'>,
  { rootIds }: Pick<Revision, 'rootIds'>,
): string | undefined {
  return pluginName ?? rootIds[0];
}

/** Of module and configuration, without the proxy. */
export function pairPrint(extension: Configured, revision: Pick<Revision, 'moduleDigest' | 'rootIds'>): string {
  const { pluginConfig, rawConfig, vmEnv, traffic } = extension;
  const rootId = rootIdOf(extension, revision);
  const module: ModuleDigest = revision.moduleDigest;
  return print([module, rootId ?? null, pluginConfig ?? null, rawConfig ?? null, vmEnv, traffic], 24);
}

/** Of module, configuration and proxy: what a trial is about. */
export function trialPrint(
  extension: Configured,
  revision: Pick<Revision, 'moduleDigest' | 'rootIds'>,
  proxyImage: string,
): string {
  return `${pairPrint(extension, revision)}.${print(proxyImage, 8)}`;
}

/** True where module and configuration were tried with any proxy. */
export function wasTriedAtAll(tried: readonly string[], pair: string): boolean {
  return tried.some((one) => one.startsWith(`${pair}.`));
}
