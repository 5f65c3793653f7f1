// Answers: what stands in the files that the command line names. Text only.
// Does not belong here: what the text means (documents.ts).
import { readFile } from 'node:fs/promises';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import type { Io } from './command.ts';

/** The text of one file, or of standard input. */
export interface InputText {
  /** As messages name it: the path, or "standard input". */
  readonly name: string;
  readonly text: string;
}

/** More than any cluster's manifests need; beyond it the syntax tree would not fit into memory. */
const largestInputBytes = 64 * 1024 * 1024;
const standardInput = '-';

/**
 * Reads every file in turn; `-`, or no file at all, stands for standard input. One that cannot be read does not keep the
 * others back: its place is taken by the message, one line.
 */
export async function readInputs(files: readonly string[], io: Io): Promise<readonly Result<InputText, string>[]> {
  const inputs: Result<InputText, string>[] = [];
  for (const file of files.length === 0 ? [standardInput] : files) {
    inputs.push(file === standardInput ? await readStandardInput(io) : await readNamedFile(file));
  }
  return inputs;
}

async function readStandardInput(io: Io): Promise<Result<InputText, string>> {
  if (io.stdin.isTTY) return fail('Cannot read standard input: it is a terminal; name a file with -f, or pipe one in');
  const chunks: Uint8Array[] = [];
  for await (const chunk of io.stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return decoded('standard input', Buffer.concat(chunks));
}

async function readNamedFile(file: string): Promise<Result<InputText, string>> {
  try {
    return decoded(file, await readFile(file));
  } catch (error) {
    return fail(`Cannot read ${quoted(file)}: ${failure(error)}`);
  }
}

/** UTF-8 only. The byte order mark is kept, because what is not changed is written back as it was. */
function decoded(name: string, bytes: Uint8Array): Result<InputText, string> {
  const shown = name === 'standard input' ? name : quoted(name);
  if (bytes.length > largestInputBytes) {
    return fail(`Cannot read ${shown}: it is larger than ${largestInputBytes / 1024 / 1024} MiB; split it`);
  }
  try {
    return ok({ name, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) });
  } catch {
    return fail(`Cannot read ${shown}: it is not UTF-8 text; convert it`);
  }
}

const failures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory; name the files in it',
  EACCES: 'permission denied',
};

function failure(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return failures[code] ?? (error instanceof Error ? error.message : String(error));
}
