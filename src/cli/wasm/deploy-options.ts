// Answers: what may be said to `pillion wasm deploy`: what `wasme deploy istio` took, and what there is besides.
import { askedDeliveries, failStrategies, onMissings, phases, traffics } from '../../core/wasm/extension.ts';
import { connectionOptions } from '../cluster-options.ts';
import type { ArgumentRow, OptionRow, OptionValues } from '../command.ts';
import { keyOption, namespaceOption, thresholdOption } from './options.ts';

const noCache = 'nodes fetch modules by themselves';
const noVersion = 'the mesh is not told by its version';

/** Options of wasme that say nothing here, each with the reason. */
const withoutMeaning: readonly (readonly [name: string, value: string | undefined, why: string, short?: string])[] = [
  ['workload-type', 'KIND', 'pods are selected by their labels, whatever owns them', 't'],
  ['istio-namespace', 'NAME', 'the installation knows it'],
  ['istiod-name', 'NAME', noVersion],
  ['ignore-version-check', undefined, noVersion],
  ['cache-timeout', 'DURATION', noCache],
  ['cache-name', 'NAME', noCache],
  ['cache-namespace', 'NAME', noCache],
  ['cache-repo', 'NAME', noCache],
  ['cache-tag', 'NAME', noCache],
  ['cache-image-pull-policy', 'POLICY', noCache],
  ['cache-custom-command', 'COMMAND', noCache],
];

export const wasmeOptions: readonly OptionRow[] = withoutMeaning.map(([name, value, why, short]) => ({
  name,
  ...(short !== undefined && { short }),
  ...(value !== undefined && { value }),
  isHidden: true,
  doc: `Of wasme; taken and without effect: ${why}.`,
}));

/** What the help says of them. */
export const wasmeLine = `Options of wasme without effect: ${withoutMeaning.map(([name]) => `--${name}`).join(', ')}.`;

/** One line that names every option that was given and says nothing; undefined where there is none. */
export function unusedLine(options: OptionValues): string | undefined {
  const given = withoutMeaning.filter(([name]) => options.has(name));
  if (given.length === 0) return undefined;
  const byReason = Map.groupBy(given, ([, , why]) => why);
  const said = [...byReason].map(([why, rows]) => `${rows.map(([name]) => `--${name}`).join(', ')} (${why})`);
  return `Note: without effect: ${said.join('; ')}`;
}

const lower = (words: readonly string[]): readonly string[] => words.map((word) => word.toLowerCase());

export const idOption: OptionRow = {
  name: 'id',
  value: 'NAME',
  doc: 'Name of the extension in its namespace. Has to be given.',
};

/** For commands that take the name as an argument too. */
export const nameArgument: ArgumentRow = { name: 'name', isOptional: true, doc: 'Name of the extension, as --id.' };

export const eitherIdOption: OptionRow = { ...idOption, doc: 'Name of the extension in its namespace.' };

export const labelsOption: OptionRow = {
  name: 'labels',
  short: 'l',
  value: 'KEY=VALUE',
  repeatable: true,
  fallback: 'every pod of the namespace',
  doc: 'Labels of the pods, several with commas: app=web,tier=front.',
};

export const deployOptions: readonly OptionRow[] = [
  idOption,
  namespaceOption,
  labelsOption,
  {
    name: 'config',
    value: 'TEXT',
    doc: 'Configuration of the filter. A JSON object becomes pluginConfig; any other text reaches the filter as it is.',
  },
  { name: 'config-file', value: 'FILE', completes: 'file', doc: 'The same out of a file.' },
  { name: 'root-id', value: 'NAME', doc: 'Root id of the filter within its module.' },
  {
    name: 'patch-context',
    value: 'TRAFFIC',
    choices: traffics,
    fallback: 'inbound',
    doc: 'Which requests pass the filter.',
  },
  {
    name: 'phase',
    value: 'PHASE',
    choices: lower(phases.filter((phase) => phase !== 'UNSPECIFIED_PHASE')),
    fallback: 'after all of them, before the router',
    doc: 'Where it stands among the filters of the mesh.',
  },
  { name: 'priority', value: 'NUMBER', fallback: '0', doc: 'Higher ones come first within a phase.' },
  {
    name: 'fail-strategy',
    value: 'STRATEGY',
    choices: lower(failStrategies),
    fallback: 'fail_close',
    doc: 'What becomes of requests once the filter has failed in a proxy.',
  },
  {
    name: 'on-missing',
    value: 'WHAT',
    choices: onMissings.filter((word) => word !== 'deny'),
    fallback: 'block',
    doc: 'What becomes of pods while the module is not there: they wait, or they run without it.',
  },
  {
    name: 'delivery',
    value: 'HOW',
    choices: askedDeliveries.filter((word) => word !== 'image-volume'),
    fallback: 'auto',
    doc: "How the module reaches proxies: by the store of the node, or by the proxy's own agent.",
  },
  { name: 'sha256', value: 'DIGEST', doc: 'Digest of the module; has to be given for https://.' },
  {
    name: 'pull-secret',
    value: 'NAME',
    doc: 'Secret of the namespace for the registry. Pillion is given the right to read this one (Role pillion-pull).',
  },
  { ...keyOption, doc: `${keyOption.doc} Images that none of them signed are refused.` },
  thresholdOption,
  {
    name: 'output',
    short: 'o',
    value: 'FORMAT',
    choices: ['yaml', 'json'],
    doc: 'Print the objects and apply nothing; no cluster is asked.',
  },
  { name: 'resolve', doc: 'Look anew at what the tag names: one that has moved is not followed by itself.' },
  { name: 'wait', doc: 'Wait until the extension is ready, and tell what happens meanwhile.' },
  { name: 'timeout', value: 'DURATION', fallback: '5m', doc: 'How long --wait waits: 90s, 5m.' },
  ...connectionOptions,
  ...wasmeOptions,
];
