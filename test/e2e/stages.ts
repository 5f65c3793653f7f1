// Answers: which files of tests are run, in which order, on which cluster, and how many at a time.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { kubeconfigVariables } from './cluster.ts';

export type ClusterRole = keyof typeof kubeconfigVariables;

export interface Stage {
  readonly title: string;
  /** Below this one. */
  readonly folder: string;
  readonly cluster: ClusterRole;
  /** Files at a time; the tests of a file say for themselves what goes side by side. */
  readonly concurrency: number;
  /** File with the options that Pillion is installed with before the first of them: those that are there where absent. */
  readonly optionsFile?: string;
}

const here = import.meta.dirname;

export const stages: readonly Stage[] = [
  { title: 'side by side', folder: '.', cluster: 'shared', concurrency: 3 },
  { title: 'one at a time', folder: 'alone', cluster: 'shared', concurrency: 1 }, // they disturb, or they measure
  {
    title: 'with Wasm',
    folder: 'wasm',
    cluster: 'shared',
    concurrency: 1,
    optionsFile: join(here, 'wasm/options.yaml'),
  },
  { title: 'on an old cluster', folder: 'old', cluster: 'old', concurrency: 2 },
];

export interface ChosenStage extends Stage {
  readonly files: readonly string[];
}

/** The stages with the files whose path contains one of the words, or with all of them; those without a file are left out. */
export function chooseStages(words: readonly string[]): readonly ChosenStage[] {
  return stages
    .map((stage) => ({ ...stage, files: filesOf(stage.folder).filter((file) => isChosen(file, words)) }))
    .filter(({ files }) => files.length > 0);
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(join(here, folder))
    .filter((file) => file.endsWith('.e2e.ts'))
    .sort()
    .map((file) => join(here, folder, file));
}

function isChosen(file: string, words: readonly string[]): boolean {
  return words.length === 0 || words.some((word) => relative(here, file).includes(word));
}
