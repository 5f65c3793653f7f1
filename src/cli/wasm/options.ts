// Answers: which options do several of the Wasm commands have, and what do they say.
import { readFile, stat } from 'node:fs/promises';
import { quoted } from '../../core/model/problem.ts';
import { bounds } from '../../core/wasm/declaration/bounds.ts';
import type { TrustedKey } from '../../core/wasm/trust.ts';
import { listOf, type OptionRow, type OptionValues, textOf, UsageError } from '../command.ts';

export const registryOptions: readonly OptionRow[] = [
  { name: 'plain-http', doc: 'Speak without TLS: to the registry, or to what an http:// URL names.' },
  {
    name: 'ca',
    value: 'FILE',
    completes: 'file',
    doc: 'Authorities (PEM) that the registry is trusted by, besides the public ones.',
  },
];

/** As the option wasm.maxModuleMegabytes of a cluster. */
export const largestModuleOption: OptionRow = {
  name: 'max-module-megabytes',
  value: 'NUMBER',
  fallback: '16',
  doc: 'Largest module that is taken, in MiB, where the option of the cluster (wasm.maxModuleMegabytes) is raised.',
};

export const keyOption: OptionRow = {
  name: 'key',
  value: 'FILE',
  completes: 'file',
  repeatable: true,
  doc: 'Public key (PEM) whose cosign signatures count.',
};

export const thresholdOption: OptionRow = {
  name: 'threshold',
  value: 'NUMBER',
  fallback: '1',
  doc: 'How many of the keys have to have signed.',
};

export const namespaceOption: OptionRow = {
  name: 'namespace',
  short: 'n',
  value: 'NAME',
  fallback: 'that of the context, else default',
  doc: 'Namespace of the extension.',
};

/** The keys of every --key, named after their files. */
export async function readKeys(options: OptionValues): Promise<readonly TrustedKey[]> {
  return Promise.all(listOf(options, 'key').map(readKey));
}

const longestKey = 10_000;

async function readKey(file: string): Promise<TrustedKey> {
  const pem = (await readText('key', file)).trim();
  if (pem.includes('PRIVATE KEY-----'))
    throw new UsageError(`Cannot use --key ${quoted(file)}: it is a private key; give the public one (cosign.pub)`);
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----') || pem.length > longestKey)
    throw new UsageError(`Cannot use --key ${quoted(file)}: it is no public key in PEM; cosign.pub is one`);
  return { name: keyName(file), pem: `${pem}\n` };
}

/** What the resource may be called: the file's name without directory and `.pub` or `.pem`. */
function keyName(file: string): string {
  const base = file.split('/').at(-1) ?? file;
  const name = base.replace(/\.(pub|pem)$/, '').toLowerCase();
  return (
    name
      .replace(/[^a-z0-9-]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 63) || 'key'
  );
}

/** A file that an option names; throws UsageError, which names both, where it cannot be read. */
export async function readText(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`Cannot read --${option} ${quoted(file)}: ${whyUnreadable(error)}; name another`);
  }
}

/** A file that an argument names, as bytes. */
export async function readBytes(file: string, mostBytes: number): Promise<Uint8Array> {
  try {
    const { size } = await stat(file);
    if (size > mostBytes)
      throw new UsageError(
        `Cannot read ${quoted(file)}: it has ${size} bytes, and ${mostBytes} are allowed; strip the module`,
      );
    return await readFile(file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot read ${quoted(file)}: ${whyUnreadable(error)}; name another`);
  }
}

/** Does the work that writes there; throws UsageError, which names the place, where it cannot be written. */
export async function writing(place: string, work: () => Promise<unknown>, remedy: string): Promise<void> {
  try {
    await work();
  } catch (error) {
    const why = { ...reasons, ENOENT: 'its directory cannot be made' };
    throw new UsageError(`Cannot write ${quoted(place)}: ${inWords(error, why)}; ${remedy}`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'a part of the path is a file',
  EACCES: 'permission denied',
  EROFS: 'it is on a disk that is only read',
  ENOSPC: 'the disk is full',
};

function whyUnreadable(error: unknown): string {
  return inWords(error, reasons);
}

function inWords(error: unknown, words: Readonly<Record<string, string>>): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}

/** --threshold, which the keys have to be able to reach; undefined where it is absent. */
export function thresholdOf(options: OptionValues, keys: readonly TrustedKey[]): number | undefined {
  const threshold = wholeOf(options, 'threshold', bounds.threshold.least, bounds.threshold.most);
  if (threshold === undefined || threshold <= keys.length) return threshold;
  const there = ['no key is', 'only 1 key is'][keys.length] ?? `only ${keys.length} keys are`;
  throw new UsageError(
    `Cannot use --threshold ${quoted(String(threshold))}: ${there} given that it could count; add --key, or lower it`,
  );
}

/** A whole number within bounds; undefined where the option is absent. */
export function wholeOf(options: OptionValues, name: string, least: number, most: number): number | undefined {
  const text = textOf(options, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^-?[0-9]{1,10}$/.test(text) || value < least || value > most)
    throw new UsageError(`Cannot use --${name} ${quoted(text)}: it must be a whole number from ${least} to ${most}`);
  return value;
}
