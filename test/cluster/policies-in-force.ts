// Answers: how does a test get the policies about Wasm, as an installation brings them, and know that the API server asks
// them: it takes a moment to follow.
import type { ClusterOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { wasmPolicies } from '../../src/core/install/policies.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { type ControlPlane, until } from './control-plane.ts';

const manager = { fieldManager: 'test' };

/** The kind WasmStore has to be served. */
export async function enforcePolicies({ kube, directory }: ControlPlane, options: ClusterOptions): Promise<void> {
  for (const object of wasmPolicies(options)) await kube.apply(object, manager);
  // the last one says no
  const { apiVersion, kind } = resources.wasmStores;
  const store = { apiVersion, kind, metadata: { name: 'nobodys' } };
  const isRefused = (): Promise<boolean> =>
    kube.apply(store, { ...manager, dryRun: true }).then(
      () => false,
      (error: unknown) => error instanceof KubeError && error.status === 403,
    );
  await until('the policies are in force', isRefused, directory);
}
