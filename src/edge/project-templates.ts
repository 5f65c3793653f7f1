// Answers: which files does a new project for a filter begin with. In the bundle they are part of the program; in a
// checkout they are read from where they stand.
// Does not belong here: which languages there are (core/wasm/languages.ts), writing them (cli/wasm/init.ts).
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Texts by path within the project. */
export type ProjectFiles = Readonly<Record<string, string>>;

/** Put there by the build (scripts/build.ts): the files of every folder. */
declare const bundledTemplates: Readonly<Record<string, ProjectFiles>> | undefined;

/** What a build leaves beside the sources. */
const built: ReadonlySet<string> = new Set(['node_modules', 'build', 'target', 'Cargo.lock']);

/** The files of one folder of the repository. */
export async function templateFiles(folder: string): Promise<ProjectFiles> {
  if (typeof bundledTemplates !== 'undefined') return bundledTemplates[folder] ?? {};
  return readFolder(fileURLToPath(new URL(`../../${folder}`, import.meta.url)));
}

/** Every file below the directory, but what a build has left there. */
export async function readFolder(directory: string): Promise<ProjectFiles> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(directory.length).replace(/^\//, ''))
    .filter((path) => !path.split('/').some((part) => built.has(part)));
  return Object.fromEntries(
    await Promise.all(paths.sort().map(async (path) => [path, await readFile(join(directory, path), 'utf8')])),
  );
}
