// Answers: how does a command reach a registry: with the credentials of `docker login`, and as its options say.

import type { Credentials } from '../../core/wasm/image/docker-config.ts';
import { readImageReference, readUrl } from '../../core/wasm/image/read-source.ts';
import { hardestModuleBytes, limitsWith, mebibyte, usualLimits, type WasmLimits } from '../../core/wasm/limits.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import type { Registry } from '../../edge/registry/registry.ts';
import { type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { largestModuleOption, readText, wholeOf } from './options.ts';
import { refusalText } from './refused.ts';

/** Of a file here, which a person may have built. */
export const largestFileBytes = 64 * mebibyte;

/** What is fetched, within the limits that the cluster has too. */
export function limitsFor(options: OptionValues): WasmLimits {
  const megabytes = wholeOf(options, largestModuleOption.name, 1, hardestModuleBytes / mebibyte);
  return megabytes === undefined ? usualLimits : limitsWith(megabytes);
}

/** The reference, with the tag `latest` where it has neither tag nor digest. Throws UsageError where it is none. */
export function imageOf(text: string): ImageReference {
  const read = readImageReference(text);
  if (!read.ok) throw refusedUsage(read.error);
  const image = read.value;
  return image.tag === undefined && image.digest === undefined ? { ...image, tag: 'latest' } : image;
}

/** The URL as it is asked. Throws UsageError where it is none, or one that is not taken without --plain-http. */
export function urlIn(options: OptionValues, text: string): string {
  const read = readUrl(text, { allowHttp: options.has('plain-http') });
  if (!read.ok) throw refusedUsage(read.error);
  return read.value;
}

/** `host/name:tag`: the reference without its scheme, as people write it. */
export function shownImage({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Does the work with a client of the registry; `registry` is its host. Throws UsageError where it cannot be had. */
export async function withRegistry<T>(
  io: Io,
  options: OptionValues,
  registry: string | undefined,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const { createRegistry } = await import('../../edge/registry/registry.ts');
  const credentials = registry === undefined ? undefined : await credentialsFor(io, registry);
  const ca = textOf(options, 'ca');
  const caBundle = ca === undefined ? undefined : await readCa(ca);
  const client = createRegistry({
    plainHttp: options.has('plain-http') && registry !== undefined ? [registry] : [],
    limits: usualLimits,
    ...(credentials !== undefined && { credentials }),
    ...(caBundle !== undefined && { caBundle }),
  });
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function readCa(file: string): Promise<string> {
  const text = await readText('ca', file);
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new UsageError(`Cannot use --ca ${JSON.stringify(file)}: it holds no certificate in PEM; name another file`);
}

async function credentialsFor(io: Io, registry: string): Promise<Credentials | undefined> {
  const { readDockerCredentials } = await import('../../edge/docker-credentials.ts');
  const read = await readDockerCredentials(registry, io.env);
  if (!read.ok) throw refusedUsage(read.error);
  return read.value;
}

/** Where nothing was looked at yet: the refusal as a mistake of the command line. */
export function refusedUsage(refused: Refusal): UsageError {
  return new UsageError(refusalText(refused));
}
