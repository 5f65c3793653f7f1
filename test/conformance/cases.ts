// Answers: which conformance cases are there, and what does each ask. The data is not part of the repository.
// Does not belong here: the comparison (compare.ts), the roads that a case takes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../src/core/model/json.ts';
import type { StringMap } from '../../src/core/model/pod.ts';

/** A case as its file has it. */
export interface Case {
  readonly name: string;
  readonly input: JsonObject;
  readonly expected?: JsonObject;
  readonly expectedError?: string;
  readonly skipped?: boolean;
  readonly namespace: string | null;
  readonly nativeSidecar: boolean;
  readonly env: { readonly PLATFORM?: string; readonly COMPLIANCE_POLICY?: string };
  readonly namespaceObject: {
    readonly metadata: { readonly name: string; readonly labels?: StringMap; readonly annotations?: StringMap };
  } | null;
  readonly revision: string;
  /** Path of the injector values, below the folder of the data. */
  readonly values: string;
  /** Path of the mesh config, below the folder of the data. */
  readonly mesh: string;
  readonly customTemplates: boolean;
}

const here = dirname(fileURLToPath(import.meta.url));

/** Folder with `cases/` and `settings/`. */
export const folder: string = resolve(process.env['PILLION_CONFORMANCE'] || join(here, '../../../shared/conformance'));

/** The custom templates that some cases ask for. */
export const customTemplatesFile: string = join(here, 'templates.yaml');

/** Why the cases cannot run, with the way to get them; false where they can. */
export const skipReason: string | false = existsSync(join(folder, 'cases'))
  ? false
  : `Cannot find conformance cases: there is no folder "${join(folder, 'cases')}"; set PILLION_CONFORMANCE to a folder that holds cases/ and settings/`;

/** All cases, by name; none where the folder is absent. */
export const cases: readonly Case[] = skipReason ? [] : readCases(join(folder, 'cases'));

function readCases(directory: string): readonly Case[] {
  const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Case);
}

/** The full path of a settings file of a case. */
export function settingsFile(path: string): string {
  return join(folder, path);
}

/** The namespace that the request names. */
export function namespaceOf(one: Case): string {
  return one.namespace ?? 'default';
}

/** Annotation and value that a denial must name. */
export function deniedAnnotation(one: Case): { readonly key: string; readonly value: string } {
  const match = /invalid value '(.*?)' for annotation '(.*?)'/.exec(one.expectedError ?? '');
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`${one.name}: its error names no annotation`);
  return { key: match[2], value: match[1] };
}
