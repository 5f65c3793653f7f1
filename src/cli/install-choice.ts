// Answers: what is to be installed: the options that a person chose, over those of the cluster, and the image.
import manifest from '../../package.json' with { type: 'json' };
import { names } from '../core/cluster/names.ts';
import { optionsKey, optionsPlace, placeText } from '../core/cluster/settings-documents.ts';
import { type Fate, fates } from '../core/install/extensions-there.ts';
import { imageFor } from '../core/install/image.ts';
import type { InstallInput } from '../core/install/objects.ts';
import { initialOptionsText, readOptionsText, withSettings } from '../core/install/options-text.ts';
import { isObject } from '../core/model/json.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { type Problem, problemLine } from '../core/model/problem.ts';
import { type Io, listOf, type OptionRow, type OptionValues, textOf, UsageError } from './command.ts';
import { readInputs } from './input.ts';

export const choiceOptions: readonly OptionRow[] = [
  {
    name: 'image',
    value: 'IMAGE',
    fallback: `pillion:${manifest.version}; on an upgrade, the image that is there, moved to this version`,
    doc: 'Image that all pods of Pillion run.',
  },
  {
    name: 'set',
    value: 'OPTION=VALUE',
    repeatable: true,
    doc: 'Set one option of the installation (docs/options.md); the others stay as they are.',
  },
  {
    name: 'options',
    value: 'FILE',
    completes: 'file',
    fallback: 'those of the cluster, else all defaults',
    doc: 'Take the options from this file, in YAML or JSON, in place of those of the cluster.',
  },
];

/** What becomes of Wasm extensions where nobody brings their modules any more. */
export const extensionsOption: OptionRow = {
  name: 'extensions',
  value: 'FATE',
  choices: fates,
  fallback: 'it is refused where there are some',
  doc: '',
};

export function fateOf(options: OptionValues): Fate | undefined {
  return fates.find((one) => one === textOf(options, 'extensions'));
}

/** What an installation that is there already says. */
export interface Present {
  /** ConfigMap pillion-options. */
  readonly options: KubeObject | undefined;
  readonly deployment: KubeObject | undefined;
}

const nothing: Present = { options: undefined, deployment: undefined };

/** Throws UsageError with every problem of the options. */
export async function readChoice(io: Io, options: OptionValues, present = nothing): Promise<InstallInput> {
  const { from, text: base } = await baseText(io, options, present);
  const text = withSettings(base, listOf(options, 'set'));
  if (!text.ok) throw unusable(text.error, '');
  const read = readOptionsText(text.value);
  if (!read.ok) throw unusable(read.error, listOf(options, 'set').length === 0 ? `${from}: ` : `${from} with --set: `);
  const image = textOf(options, 'image') ?? imageFor(manifest.version, present.deployment);
  return { options: read.value, optionsText: text.value, image, version: manifest.version };
}

async function baseText(io: Io, options: OptionValues, present: Present) {
  const file = textOf(options, 'options');
  if (file !== undefined) {
    const [input] = await readInputs([file], io);
    if (input?.ok !== true) throw new UsageError(input?.error ?? '');
    return { from: file, text: input.value.text };
  }
  const data = present.options?.['data'];
  const kept = isObject(data) ? data[optionsKey] : undefined;
  if (typeof kept === 'string') return { from: `${placeText(optionsPlace)}, key ${optionsKey}`, text: kept };
  return { from: names.options, text: initialOptionsText };
}

function unusable(problems: readonly Problem[], prefix: string): UsageError {
  const lines = problems.map((problem) => problemLine({ ...problem, path: prefix + problem.path }));
  return new UsageError(`Cannot install with these options:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}
