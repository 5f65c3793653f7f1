// Answers: how do the clusters of the tests come to be, and go.
// Does not belong here: how a cluster, an image or a mesh is made (kind/).
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readChoices } from '../../kind/choices.ts';
import { clusterOf, deleteCluster } from '../../kind/cluster.ts';
import { deleteRegistry } from '../../kind/registry.ts';
import { setUp } from '../../kind/set-up.ts';
import type { Steps } from '../../kind/steps.ts';
import manifest from '../../package.json' with { type: 'json' };
import { kubeconfigVariables, openCluster } from './cluster.ts';
import { collect } from './collect.ts';
import { install } from './installation.ts';
import { images } from './objects.ts';
import type { ClusterRole } from './stages.ts';
import { registryName } from './wasm/registry.ts';

export interface TestClusters {
  /**
   * Path of the kubeconfig; the cluster is made when it is asked for first. Where it cannot be made, what is there of it
   * is collected and it throws.
   */
  kubeconfigOf(role: ClusterRole): Promise<string>;
  /** Installs Pillion again with other options. */
  reinstall(role: ClusterRole, optionsFile: string): Promise<void>;
  /** Removes it, or all, if made here; with the last one the registry goes, too. */
  remove(role?: ClusterRole): Promise<void>;
  /** Those that were made and not removed. */
  names(): readonly string[];
}

const names: Readonly<Record<ClusterRole, string>> = { shared: 'pillion-e2e', old: 'pillion-e2e-old' };
const defaultOptions = join(import.meta.dirname, 'default-options.yaml');

/** Those whose variable is set are taken as they are. No further step is begun once the signal is aborted. */
export function testClusters(steps: Steps, signal: AbortSignal): TestClusters {
  const made = new Set<ClusterRole>();
  const abortable: Steps = {
    ...steps,
    step: async (name, work) => {
      signal.throwIfAborted();
      return steps.step(name, work);
    },
  };
  const make = async (role: ClusterRole): Promise<string> => {
    const choices = readChoices(process.env, role === 'old' ? role : process.env['KUBERNETES']);
    const name = names[role];
    made.add(role);
    try {
      const image = `pillion:${manifest.version}`;
      const wanted = { name, image, images: Object.values(images), optionsFile: defaultOptions };
      return (await setUp(abortable, choices, wanted)).kubeconfig;
    } catch (error) {
      if (!signal.aborted) await collectHalf(name, error);
      throw error;
    }
  };
  return {
    kubeconfigOf: async (role) => process.env[kubeconfigVariables[role]] || make(role),
    reinstall: async (role, optionsFile) => {
      const cluster = openCluster(process.env[kubeconfigVariables[role]] ?? '');
      await abortable.step(`Install Pillion with ${basename(optionsFile)}`, async () => {
        await install(cluster, ['--options', optionsFile]);
      });
    },
    remove: async (role) => {
      for (const one of role === undefined ? [...made] : [role]) {
        if (made.delete(one)) await steps.step(`Delete the cluster "${names[one]}"`, () => deleteCluster(names[one]));
      }
      if (role === undefined) await deleteRegistry(registryName);
    },
    names: () => [...made].map((role) => names[role]),
  };
}

async function collectHalf(name: string, error: unknown): Promise<void> {
  const { kubeconfig } = clusterOf(name);
  if (!existsSync(kubeconfig)) return;
  await collect(openCluster(kubeconfig), { test: name, namespace: 'istio-system', error });
}
