// Answers: which cluster does a test run on, and how does it ask it.
// Does not belong here: how the clusters are made (kind/, run.ts), what a test has in one (namespace.ts).
import { fileURLToPath } from 'node:url';
import { connect, type Kube } from '../../src/edge/kube/client.ts';
import { type Output, runProgram } from '../program.ts';

export interface Cluster {
  /** Path of the file. */
  readonly kubeconfig: string;
  readonly kube: Kube;
  /** What it prints; throws with all of its output where it ends with another code than 0. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  tryKubectl(args: readonly string[], stdin?: string): Promise<Attempt>;
  /** The bundled command, on this cluster. */
  pillion(args: readonly string[], stdin?: string): Promise<Output>;
}

export interface Attempt {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Variables that run.ts sets for the files of its stages. */
export const kubeconfigVariables = { shared: 'PILLION_E2E_KUBECONFIG', old: 'PILLION_E2E_OLD_KUBECONFIG' } as const;

/** Native sidecars are on, Istio runs without its webhook, Pillion is installed with default options. */
export function sharedCluster(): Cluster {
  return clusterOf(kubeconfigVariables.shared);
}

/** Kubernetes 1.32 with the feature gate SidecarContainers off; the rest as in the shared one. */
export function oldCluster(): Cluster {
  return clusterOf(kubeconfigVariables.old);
}

function clusterOf(variable: string): Cluster {
  const kubeconfig = process.env[variable] ?? '';
  if (kubeconfig !== '') return openCluster(kubeconfig);
  throw new Error(`Cannot find the cluster of this test: ${variable} is not set; run it with "make e2e"`);
}

const bundle = fileURLToPath(new URL('../../dist/pillion.mjs', import.meta.url));

export function openCluster(kubeconfig: string): Cluster {
  const tryKubectl: Cluster['tryKubectl'] = async (args, stdin = '') => {
    const { code, ...output } = await runProgram('kubectl', ['--kubeconfig', kubeconfig, ...args], { stdin });
    return { ok: code === 0, ...output };
  };
  return {
    kubeconfig,
    kube: connect({ kubeconfig }),
    tryKubectl,
    kubectl: async (args, stdin) => {
      const { ok, stdout, stderr } = await tryKubectl(args, stdin);
      if (!ok) throw new Error(`Cannot run "kubectl ${args.join(' ')}": ${stderr.trim()}\n${stdout}`.trimEnd());
      return stdout;
    },
    pillion: (args, stdin = '') =>
      runProgram(process.execPath, [bundle, ...args], { stdin, environment: { KUBECONFIG: kubeconfig } }),
  };
}
