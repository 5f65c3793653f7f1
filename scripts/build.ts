// Answers: how does the command become one file, which needs no packages beside it.
import { chmodSync, statSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { languages } from '../src/core/wasm/languages.ts';
import { readFolder } from '../src/edge/project-templates.ts';

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

/** The projects that `pillion wasm init` begins with, which have to be in the file. */
async function readTemplates(): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
  const folders = Object.values(languages).map(({ folder }) => folder);
  return Object.fromEntries(
    await Promise.all(folders.map(async (folder) => [folder, await readFolder(`${root}${folder}`)])),
  );
}

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
  define: { bundledTemplates: JSON.stringify(await readTemplates()) },
  banner: {
    js: [
      '#!/usr/bin/env node',
      "import { createRequire as createRequireOfBundle } from 'node:module';",
      'const require = createRequireOfBundle(import.meta.url);',
    ].join('\n'),
  },
} as const satisfies BuildOptions;

/** What the agent may not be made of: each of them takes more memory than is left. */
const tooLarge = /^(zod|yaml|pino|express|commander|@kubernetes\/client-node|@prometheus-io\/client)(\/|$)/;

/** Fails the build where somebody imports one of them from a file that the agent needs. */
const nothingLarge: Plugin = {
  name: 'nothing-large',
  setup: ({ onResolve }) =>
    onResolve({ filter: tooLarge }, ({ path, importer }) => ({
      errors: [{ text: `Cannot build the node agent: "${path}" is too large for it; imported by ${importer}` }],
    })),
};

/**
 * The node agent alone. In the older module system, because there a built-in module gives what is asked of it: an ES module
 * that imports `node:http` has all that is in it, a WebSocket client among them, for 8 MB.
 */
export const agentBundleOptions = {
  entryPoints: [`${root}src/agent-main.ts`],
  outfile: `${root}dist/pillion-agent.cjs`,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'cjs',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  plugins: [nothingLarge],
} as const satisfies BuildOptions;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const options of [bundleOptions, agentBundleOptions]) {
    await build(options);
    chmodSync(options.outfile, 0o755);
    const megabytes = statSync(options.outfile).size / 1e6;
    process.stdout.write(`${relative(root, options.outfile)}: ${megabytes.toFixed(2)} MB\n`);
  }
}
