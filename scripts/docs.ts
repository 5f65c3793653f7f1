// Answers: how do the generated pages of docs/ get there. `make docs` writes them; a test compares them with the code.
// Does not belong here: what stands in them (docs-pages.ts).
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { generatedPages } from './docs-pages.ts';

const directory = fileURLToPath(new URL('../docs/', import.meta.url));
for (const [name, text] of Object.entries(generatedPages())) {
  writeFileSync(directory + name, text);
  process.stdout.write(`docs/${name}\n`);
}
