// Answers: what was the release before this one, and how does its image come into a cluster: its sources are in the
// history of the repository.
// Does not belong here: building an image (kind/images.ts).
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readChoices } from '../../kind/choices.ts';
import type { KindCluster } from '../../kind/cluster.ts';
import { buildImage, loadImages } from '../../kind/images.ts';
import { isObject, parseJson } from '../../src/core/model/json.ts';
import { runProgram } from '../program.ts';
import type { Cluster } from './cluster.ts';

const root = join(import.meta.dirname, '../..');

export interface PreviousRelease {
  readonly version: string;
  readonly commit: string;
}

export interface InstallableRelease extends PreviousRelease {
  /** Name of the image, which the nodes have. */
  readonly image: string;
  /** Path of the command, one file. */
  readonly bundle: string;
}

/** The last commit whose package.json holds another version than that of HEAD; throws where there is none at hand. */
export async function findPreviousRelease(directory: string = root): Promise<PreviousRelease> {
  const git = (...args: readonly string[]): Promise<string> => succeed('git', ['-C', directory, ...args]);
  const versionAt = async (commit: string): Promise<string | undefined> => {
    const { code, stdout } = await runProgram('git', ['-C', directory, 'show', `${commit}:package.json`]);
    const manifest = code === 0 ? parseJson(stdout) : undefined;
    return isObject(manifest) && typeof manifest['version'] === 'string' ? manifest['version'] : undefined;
  };
  const current = await versionAt('HEAD');
  const touching = (await git('log', '--format=%H', '--', 'package.json')).split('\n').filter(Boolean);
  for (const commit of touching) {
    const version = await versionAt(`${commit}~1`);
    if (version === undefined || version === current) continue;
    return { version, commit: (await git('rev-parse', `${commit}~1`)).trim() };
  }
  const isShallow = (await git('rev-parse', '--is-shallow-repository')).trim() === 'true';
  const state = isShallow
    ? 'this clone is shallow and does not hold it; run "git fetch --unshallow"'
    : 'no commit has another version in package.json';
  throw new Error(`Cannot find the release before ${current}: ${state}`);
}

/** Builds the previous release from its sources, with the packages of this checkout, and loads its image into the nodes. */
export async function preparePreviousRelease(cluster: Cluster): Promise<InstallableRelease> {
  const release = await findPreviousRelease();
  const bundle = await bundleOf(release);
  const image = 'pillion:previous';
  await buildImage(readChoices(process.env), image, bundle);
  await loadImages(kindClusterOf(cluster), [image]);
  return { ...release, image, bundle };
}

async function bundleOf({ commit }: PreviousRelease): Promise<string> {
  const directory = join(root, '.cache/previous', commit);
  const bundle = join(directory, 'dist/pillion.mjs');
  if (existsSync(bundle)) return bundle;
  mkdirSync(join(root, '.cache/previous'), { recursive: true });
  const fresh = mkdtempSync(`${directory}-`);
  await succeed('git', ['-C', root, 'archive', '--format=tar', '--output', join(fresh, 'sources.tar'), commit]);
  await succeed('tar', ['-xf', join(fresh, 'sources.tar'), '-C', fresh]);
  rmSync(join(fresh, 'sources.tar'));
  symlinkSync(join(root, 'node_modules'), join(fresh, 'node_modules'));
  mkdirSync(join(fresh, 'dist'), { recursive: true });
  await succeed(process.execPath, [join(fresh, 'scripts/build.ts')]);
  // whole or not at all: a build that was cut off is not taken for one
  rmSync(directory, { recursive: true, force: true });
  renameSync(fresh, directory);
  return bundle;
}

/** kind names the context of a cluster after it. */
function kindClusterOf({ kubeconfig, kube }: Cluster): KindCluster {
  const context = kube.config.getCurrentContext();
  if (!context.startsWith('kind-')) throw new Error(`Cannot load an image into "${context}": it is no cluster of kind`);
  return { name: context.slice('kind-'.length), kubeconfig };
}

async function succeed(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args);
  if (code !== 0) throw new Error(`Cannot run "${program} ${args.join(' ')}": ${stderr.trim()}`);
  return stdout;
}
