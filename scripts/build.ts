// Answers: how does the command become one file, which needs no packages beside it.
import { chmodSync, statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What is imported when it is asked for (a role, the Kubernetes client) is in the file, but is run only then. Packages of
 * the older module system want a `require`, which an ES module does not have.
 */
export const bundleOptions = {
  entryPoints: [`${root}src/main.ts`],
  outfile: `${root}dist/pillion.mjs`,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minifySyntax: true,
  legalComments: 'none',
  banner: {
    js: [
      '#!/usr/bin/env node',
      "import { createRequire as createRequireOfBundle } from 'node:module';",
      'const require = createRequireOfBundle(import.meta.url);',
    ].join('\n'),
  },
} as const satisfies BuildOptions;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await build(bundleOptions);
  chmodSync(bundleOptions.outfile, 0o755);
  const megabytes = statSync(bundleOptions.outfile).size / 1e6;
  process.stdout.write(`dist/pillion.mjs: ${megabytes.toFixed(1)} MB\n`);
}
