// Answers: in which order does a cluster with Istio and Pillion come to be, so that nothing waits for what it does not
// need.
import type { Choices } from './choices.ts';
import { deleteCluster, ensureCluster, type KindCluster } from './cluster.ts';
import { buildImage, demoImages, loadImages, meshImages } from './images.ts';
import { inotifyNotice } from './inotify.ts';
import { alone } from './lock.ts';
import { ensureIstio, ensurePillion } from './mesh.ts';
import { requirePrograms } from './run.ts';
import type { Steps } from './steps.ts';

/** Name of the cluster of `make kind-demo`; a version asked for has one of its own beside it. */
export function clusterName(kubernetes: string | undefined): string {
  return kubernetes ? `pillion-${kubernetes}` : 'pillion-demo';
}

export interface Wanted {
  readonly name: string;
  /** Of Pillion. */
  readonly image: string;
  /** Images besides those of the mesh and of Pillion that pods are to run: those of the demos where absent. */
  readonly images?: readonly string[];
  /** File with the options of the installation; those that are there, or the defaults, where absent. */
  readonly optionsFile?: string;
}

/** Makes what is not there yet and works through what is; refused while another process does so. */
export async function setUp(steps: Steps, choices: Choices, wanted: Wanted): Promise<KindCluster> {
  return alone(wanted.name, () => make(steps, choices, wanted));
}

async function make(steps: Steps, choices: Choices, wanted: Wanted): Promise<KindCluster> {
  const { name, image, images = Object.values(demoImages), optionsFile } = wanted;
  await steps.step('Look for docker, kind, kubectl and helm', requirePrograms);
  const notice = inotifyNotice();
  if (notice !== undefined) steps.say(notice);
  const others = [...meshImages(choices), ...images];
  const making = steps.step(`Make the cluster "${name}"`, () =>
    ensureCluster(choices, { name, config: choices.config }),
  );
  const building = steps.step(`Build the image ${image}`, () => buildImage(choices, image));
  await Promise.allSettled([making, building]); // where one fails, the other is not left half done
  await building;
  const cluster = await making;
  await steps.step('Load the images into its node', () => loadImages(cluster, [image, ...others]));
  await steps.step('Install istiod, without its injection webhook', () => ensureIstio(cluster, choices));
  await steps.step('Install Pillion', () => ensurePillion(cluster, image, optionsFile));
  return cluster;
}

export async function tearDown(steps: Steps, name: string): Promise<void> {
  await alone(name, () => steps.step(`Delete the cluster "${name}"`, () => deleteCluster(name)));
}
