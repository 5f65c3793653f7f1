// Answers: how does a filter in AssemblyScript become a module: by the compiler of examples/wasm/add-header, which is
// installed where it is not.
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { run } from './run.ts';

const root = join(import.meta.dirname, '..');
const example = join(root, 'examples/wasm/add-header');

/** Its source; a version is told in header x-filter-version. */
export const addHeader = join(example, 'assembly/index.ts');

let installed: Promise<unknown> | undefined;

/**
 * Compiles the source into the file, unless that is newer than all that it is made of.
 * @param version the constant VERSION of the source, where it asks for one
 */
export async function compileFilter(source: string, file: string, version = 0): Promise<void> {
  if (isNewer(file, source)) return;
  installed ??= existsSync(join(example, 'node_modules/.package-lock.json'))
    ? Promise.resolve()
    : run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: example });
  await installed;
  mkdirSync(dirname(file), { recursive: true });
  const compiler = join(example, 'node_modules/assemblyscript/bin/asc');
  // the compiler takes paths from its folder alone; the last option is where imports of a source elsewhere are found
  const files = [relative(example, source), '--binaryFile', relative(example, file), '--path', 'node_modules'];
  const options = ['-O3', '--runtime', 'full', '--use', 'abort=abort_proc_exit', '--use', `VERSION=${version}`];
  await run(process.execPath, [compiler, ...files, ...options], { cwd: example });
}

/** The compiler takes seconds. */
function isNewer(file: string, source: string): boolean {
  if (!existsSync(file)) return false;
  const folder = dirname(source);
  const inputs = [join(example, 'package-lock.json'), ...readdirSync(folder).map((one) => join(folder, one))];
  return inputs.every((input) => statSync(input).mtimeMs < statSync(file).mtimeMs);
}
