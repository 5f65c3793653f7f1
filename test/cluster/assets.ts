// Answers: which programs of Kubernetes are there to test against, and what to do where there are none.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A directory that holds them, or why there is none. */
export interface Assets {
  readonly directory: string;
  /** False where the programs are there; else the one line that says how to get them. */
  readonly skip: string | false;
}

const needed = ['kube-apiserver', 'etcd', 'kubectl'];
const remedy =
  'set it to a directory with kube-apiserver, etcd, kubectl and kube-controller-manager, for instance that of "setup-envtest use -p path"';

/** The directory that the variable names. `KUBEBUILDER_ASSETS` is the usual one. */
export function assetsOf(variable: string): Assets {
  const directory = process.env[variable] ?? '';
  const missing = needed.find((program) => !existsSync(join(directory, program)));
  if (directory !== '' && missing === undefined) return { directory, skip: false };
  const state = directory === '' ? `${variable} is not set` : `there is no ${missing} in "${directory}"`;
  return { directory, skip: `Cannot start an API server: ${state}; ${remedy}` };
}

/** A current Kubernetes. */
export const assets: Assets = assetsOf('KUBEBUILDER_ASSETS');
/** Kubernetes 1.32, the last minor whose API server can have native sidecars switched off. */
export const assets132: Assets = assetsOf('KUBEBUILDER_ASSETS_1_32');
