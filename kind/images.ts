// Answers: how is Pillion's image built, and how do images get into the nodes of a cluster.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Choices } from './choices.ts';
import { archiveOf, type KindCluster, nodesOf, pullImage, typedPath } from './cluster.ts';
import { type CommandLine, run, runLine } from './run.ts';

const root = join(import.meta.dirname, '..');

/** What the demos run besides Pillion and Istio. */
export const demoImages = { curl: 'curlimages/curl:8.16.0', httpbin: 'mccutchen/go-httpbin:2.26.0' } as const;

/** The images that the charts of Istio ask for. */
export function meshImages({ istioTag }: Choices): readonly string[] {
  return ['pilot', 'proxyv2'].map((name) => `istio/${name}:${istioTag}`);
}

/** The commands that build the image; `context` is the folder with dist/pillion.mjs. */
export function imagePlan({ baseImage }: Choices, tag: string, context = root): readonly CommandLine[] {
  const file = context === root ? [] : ['--file', 'Dockerfile'];
  const args = ['build', ...file, '--build-arg', `BASE_IMAGE=${baseImage}`, '--tag', tag, typedPath(context)];
  return [{ command: 'docker', args }];
}

/** An archive of images on their way into the nodes. */
export interface Archive {
  readonly file: string;
  /** Such as `linux/amd64`. */
  readonly platform: string;
}

/**
 * The commands that bring images into the nodes. Through an archive where Docker keeps images in containerd's store: what it
 * saves without a platform speaks of platforms that were never pulled, over which kind fails (its issue 3795).
 */
export function loadPlan({ name }: KindCluster, images: readonly string[], archive?: Archive): readonly CommandLine[] {
  if (archive === undefined) return [{ command: 'kind', args: ['load', 'docker-image', '--name', name, ...images] }];
  const { file, platform } = archive;
  return [
    { command: 'docker', args: ['save', '--platform', platform, '--output', typedPath(file), ...images] },
    { command: 'kind', args: ['load', 'image-archive', '--name', name, typedPath(file)] },
  ];
}

/** Bundles the sources and builds the image of them, or of a bundle that is there. */
export async function buildImage(choices: Choices, tag: string, bundle?: string): Promise<void> {
  if (bundle === undefined) await runLine({ command: process.execPath, args: ['scripts/build.ts'] });
  await pullImage(choices.baseImage);
  if (bundle === undefined) {
    for (const line of imagePlan(choices, tag)) await runLine(line);
    return;
  }
  mkdirSync(join(root, '.cache'), { recursive: true });
  const context = mkdtempSync(join(root, '.cache/image-'));
  try {
    cpSync(dirname(bundle), join(context, 'dist'), { recursive: true }); // with what stands beside it
    for (const line of imagePlan(choices, tag, context)) await runLine(line);
  } finally {
    rmSync(context, { recursive: true });
  }
}

/** Pulls the images that docker does not have, and loads those that a node does not have, or has from another build. */
export async function loadImages(cluster: KindCluster, images: readonly string[]): Promise<void> {
  const nodes = await nodesOf(cluster);
  await Promise.all(images.map(pullImage));
  const listed = await Promise.all(nodes.map(listImages));
  const wanted = await Promise.all(images.map(async (image) => ({ image, id: await idOf(image) })));
  const missing = wanted.filter(({ image, id }) => !listed.every((list) => list.get(fullName(image)) === labelOf(id)));
  if (missing.length === 0) return;
  await load(
    cluster,
    missing.map(({ image }) => image),
  );
  for (const node of nodes) {
    for (const { image, id } of missing)
      await containerd(node, ['label', fullName(image), `${loadedLabel}=${labelOf(id)}`]);
  }
}

async function load(cluster: KindCluster, images: readonly string[]): Promise<void> {
  const file = archiveOf(cluster);
  const platform = await archivedPlatform();
  try {
    const plan = loadPlan(cluster, images, platform === undefined ? undefined : { file, platform });
    for (const line of plan) await runLine(line);
  } finally {
    rmSync(file, { force: true });
  }
}

/** The platform of docker where it keeps images in containerd's store, else undefined. */
async function archivedPlatform(): Promise<string | undefined> {
  const store = await run('docker', ['info', '--format', '{{json .DriverStatus}}']);
  if (!store.includes('io.containerd.snapshotter')) return undefined;
  return (await run('docker', ['version', '--format', '{{.Server.Os}}/{{.Server.Arch}}'])).trim();
}

/** The node's image keeps in it which image of docker it was made from; their own digests differ. */
const loadedLabel = 'pillion-loaded';

function labelOf(id: string): string {
  return id.replace(/^sha256:/, '');
}

async function idOf(image: string): Promise<string> {
  return (await run('docker', ['image', 'inspect', '--format', '{{.Id}}', image])).trim();
}

function containerd(node: string, args: readonly string[]): Promise<string> {
  return run('docker', ['exec', node, 'ctr', '--namespace=k8s.io', 'images', ...args]);
}

/** What the node was given, by full name; empty text where it was not by us. */
async function listImages(node: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await containerd(node, ['list'])).trim().split('\n').slice(1);
  const label = new RegExp(`\\b${loadedLabel}=([0-9a-f]+)`);
  return new Map(lines.map((line) => [line.split(/\s/, 1)[0] ?? '', label.exec(line)?.[1] ?? '']));
}

/** An image as containerd calls it: `docker.io/library/pillion:0.1.0`. */
export function fullName(image: string): string {
  const [first = ''] = image.split('/', 1);
  if (!image.includes('/')) return `docker.io/library/${image}`;
  return /[.:]|^localhost$/.test(first) ? image : `docker.io/${image}`;
}
