// Answers: how do the files of manifests/ get there. `make manifests` writes them; a test compares them with the code.
// Does not belong here: what stands in them (manifests-files.ts).
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { manifestFiles } from './manifests-files.ts';

const directory = fileURLToPath(new URL('../manifests/', import.meta.url));
const files = manifestFiles();
mkdirSync(directory, { recursive: true });
for (const name of readdirSync(directory)) if (!files.has(name)) rmSync(directory + name);
for (const [name, text] of files) {
  writeFileSync(directory + name, text);
  process.stdout.write(`manifests/${name}\n`);
}
