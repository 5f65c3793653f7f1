// Answers: how does the command become one file, which needs no packages beside it.
import { chmodSync, statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const clientFolder = `${root}node_modules/@kubernetes/client-node/dist/`;

/** Each file of the Kubernetes client that something of ours is imported from, in the place of the one that has it all. */
const clientParts = `
export { KubeConfig } from './config.js';
export { HttpMethod, RequestContext } from './gen/http/http.js';
export { IsomorphicFetchHttpLibrary } from './gen/http/isomorphic-fetch.js';
export { PortForward } from './portforward.js';
export { Watch } from './watch.js';
`;

/** What the client's own configuration takes from the file that has all classes of all kinds. */
const configurationParts = `
export { createConfiguration } from './gen/configuration.js';
export { ServerConfiguration } from './gen/servers.js';
`;

/** What its port-forward takes from there to find the pods of a Service or a Deployment, which nobody asks it for. */
const portForwardParts = `
export const [CoreV1Api, AppsV1Api] = [];
`;

const allClasses = /^\.\/gen\/index\.js$/;

/**
 * Leaves out of the Kubernetes client what nobody calls: a class for each kind of Kubernetes, which would cost every
 * process 11 MB of memory. A name that is missing from the lists fails the build.
 */
const thinClient: Plugin = {
  name: 'thin-client',
  setup({ onLoad, onResolve }) {
    const parts = (path: string, filter: RegExp, importer: RegExp, contents: string): void => {
      onResolve({ filter }, (found) =>
        importer.test(found.importer) ? { path, namespace: 'thin-client' } : undefined,
      );
      onLoad({ filter: new RegExp(`^${path}$`), namespace: 'thin-client' }, () => ({
        contents,
        resolveDir: clientFolder,
      }));
    };
    parts('client', /^@kubernetes\/client-node$/, /./, clientParts);
    parts('configuration', allClasses, /client-node\/dist\/config\.js$/, configurationParts);
    parts('port-forward', allClasses, /client-node\/dist\/portforward\.js$/, portForwardParts);
  },
};

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
  plugins: [thinClient],
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
