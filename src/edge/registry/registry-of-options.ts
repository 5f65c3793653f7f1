// Answers: how do the options of the cluster say that registries are spoken to.
import type { ClusterOptions } from '../../core/cluster/options.ts';
import type { Credentials } from '../../core/wasm/image/docker-config.ts';
import { limitsWith, type WasmLimits } from '../../core/wasm/limits.ts';
import type { RegistryOptions } from './registry.ts';

/** Limits of modules by the options. */
export function limitsOf(wasm: Pick<ClusterOptions['wasm'], 'maxModuleMegabytes'>): WasmLimits {
  return limitsWith(wasm.maxModuleMegabytes);
}

/** Options of the registry client by those of the cluster, with the credentials of a pull secret. */
export function registryOptionsOf(
  wasm: Pick<ClusterOptions['wasm'], 'maxModuleMegabytes' | 'plainHttpRegistries' | 'caBundle'>,
  credentials?: Credentials,
): RegistryOptions {
  return {
    plainHttp: wasm.plainHttpRegistries,
    limits: limitsOf(wasm),
    ...(wasm.caBundle !== '' && { caBundle: wasm.caBundle }),
    ...(credentials && { credentials }),
  };
}
