// Answers: what do the settings say that lie in files.
// Does not belong here: what the settings mean (core/configuration/), the cluster's own settings.
import { type FileHandle, open } from 'node:fs/promises';
import type { Checked } from '../core/configuration/injector-config.ts';
import {
  type FactsOptions,
  readFacts,
  type SettingsDocument,
  type SettingsDocuments,
} from '../core/configuration/read-facts.ts';
import type { Facts } from '../core/model/facts.ts';
import { fail, type Problem, type Result } from '../core/model/problem.ts';
import { mistakeText, readYaml } from '../core/proxy-config/yaml-text.ts';
import { withDeclared } from '../core/wasm/delivery/declared-extensions.ts';

type Document = 'values' | 'overrides' | 'config' | 'mesh' | 'templates' | 'extensions';

/** Paths of files, and options that stand for themselves. */
export type SettingsSources = FactsOptions & { readonly [Name in Document]?: string };

const documents: readonly Document[] = ['values', 'overrides', 'config', 'mesh', 'templates', 'extensions'];

/** A ConfigMap holds at most 1 MiB; four times that is no settings file. */
export const largestFileBytes = 4 * 1024 * 1024;

const reasons: { readonly [code: string]: string } = {
  ENOENT: 'there is no such file; check the path',
  EISDIR: 'it is a directory; name a file in it',
  EACCES: 'access is denied; change its permissions',
  EPERM: 'access is denied; change its permissions',
};

export interface LoadedSources {
  /** Those that could be read. */
  readonly documents: SettingsDocuments;
  readonly options: FactsOptions;
  /** What is wrong with the others, with their files. */
  readonly problems: readonly Problem[];
}

/**
 * Reads the files, YAML or JSON, and makes facts of them and the options.
 * @returns the facts, frozen, and warnings for what was passed over; or every problem of every file, with its file
 */
export async function loadFacts(sources: SettingsSources): Promise<Checked<Facts>> {
  const { documents: found, options, problems } = await loadSources(sources);
  const facts = withDeclared(readFacts(found, options), found.extensions);
  if (problems.length === 0) return facts;
  return fail([...problems, ...(facts.ok ? [] : facts.error)]);
}

/** Reads the files, and makes nothing of them yet. */
export async function loadSources(sources: SettingsSources): Promise<LoadedSources> {
  const read = await Promise.all(
    documents.map(async (document) => [document, await readDocument(document, sources[document])] as const),
  );
  const problems = read.flatMap(([, result]) => (result?.ok === false ? result.error : []));
  const found = Object.fromEntries(
    read.flatMap(([document, result]) => (result?.ok ? [[document, result.value]] : [])),
  );
  const { values, overrides, config, mesh, templates, extensions, ...options } = sources;
  return { documents: found as SettingsDocuments, options: options satisfies FactsOptions, problems };
}

async function readDocument(
  document: Document,
  path: string | undefined,
): Promise<Result<SettingsDocument> | undefined> {
  if (path === undefined) return undefined;
  const refuse = (state: string): Result<never> => fail([unreadable(document, path, state)]);
  const text = await readText(path);
  if (!text.ok) return refuse(text.error);
  const parsed = readYaml(text.value);
  if (!parsed.ok) return refuse(`it is neither YAML nor JSON: ${mistakeText(parsed.error)}`);
  return { ok: true, value: { from: path, value: parsed.value } };
}

function unreadable(document: Document, path: string, state: string): Problem {
  return { path, value: undefined, expected: `Cannot read the file of --${document}: ${state}` };
}

async function readText(path: string): Promise<Result<string, string>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    // One byte more than allowed tells a file that is too large, also where its size is not known, as for a pipe.
    const bytes = await readAtMost(file, largestFileBytes + 1);
    if (bytes.length > largestFileBytes) return fail(`it is larger than ${largestFileBytes / 1024 / 1024} MiB`);
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    return fail(stateOf(error));
  } finally {
    await file?.close();
  }
}

async function readAtMost(file: FileHandle, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of file.createReadStream({ autoClose: false, end: limit - 1 })) {
    const bytes: Buffer = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks);
}

function stateOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is no UTF-8 text';
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}
