// Answers: how large may what strangers send be. Counted while it streams: nothing is ever believed about its own size.
export interface WasmLimits {
  readonly maxManifestBytes: number;
  readonly maxManifestDepth: number;
  readonly maxLayers: number;
  /** Of the layer's blob, as it is sent. */
  readonly maxCompressedBytes: number;
  /** Of the module itself. */
  readonly maxModuleBytes: number;
  readonly maxTarEntries: number;
  /** Output over input of gzip, looked at from `ratioFromBytes` of output on. */
  readonly maxRatio: number;
  readonly ratioFromBytes: number;
}

export const mebibyte = 1024 * 1024;

/** What the proxy itself takes at most, whatever an option says. */
export const hardestModuleBytes = 256 * mebibyte;

export const usualLimits: WasmLimits = {
  maxManifestBytes: 4 * mebibyte,
  maxManifestDepth: 32,
  maxLayers: 64,
  maxCompressedBytes: 64 * mebibyte,
  maxModuleBytes: 16 * mebibyte,
  maxTarEntries: 1_000,
  maxRatio: 200,
  ratioFromBytes: 16 * mebibyte,
};

/** With modules of so many mebibytes: a layer that nobody compressed is as large as its module. */
export function limitsWith(maxModuleMegabytes: number): WasmLimits {
  const maxModuleBytes = maxModuleMegabytes * mebibyte;
  return {
    ...usualLimits,
    maxModuleBytes,
    maxCompressedBytes: Math.max(usualLimits.maxCompressedBytes, maxModuleBytes),
  };
}
