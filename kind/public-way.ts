// Answers: which commands would one type to do by hand what `make kind-demo` does, on a machine on which no variable is
// set. docs/kind.md shows them; a test compares.
import manifest from '../package.json' with { type: 'json' };
import { readChoices } from './choices.ts';
import { archiveOf, clusterOf, clusterPlan, exportLine, pullPlan } from './cluster.ts';
import { demoImages, imagePlan, loadPlan, meshImages } from './images.ts';
import { istioPlan, pillionPlan } from './mesh.ts';
import { type CommandLine, shellText } from './run.ts';
import { clusterName } from './set-up.ts';

const choices = readChoices({});
const cluster = clusterOf(clusterName(undefined));
const image = `pillion:${manifest.version}`;
const others = [...meshImages(choices), ...Object.values(demoImages)];

/** One command for each line. */
export function publicWay(): readonly string[] {
  const lines: readonly CommandLine[] = [
    { command: 'make', args: ['build'] },
    ...imagePlan(choices, image),
    ...clusterPlan(choices, { name: cluster.name, config: choices.config }),
    ...others.flatMap(pullPlan),
    ...loadPlan(cluster, [image, ...others]),
  ];
  const mesh = [...istioPlan(choices), ...pillionPlan(image)];
  return [...lines.map(shellText), exportLine(cluster), ...mesh.map(shellText)];
}

/** What takes the place of "kind load docker-image" where Docker keeps images in containerd's store. */
export function publicArchiveWay(): readonly string[] {
  const archive = { file: archiveOf(cluster), platform: 'linux/amd64' };
  return loadPlan(cluster, [image, ...others], archive).map(shellText);
}
