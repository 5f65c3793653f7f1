// Answers: how long and how large may the fields of a declaration be.

/** Bounds of a declaration; the schema of the kind has the same (custom-resources.ts). */
export const bounds = {
  /** Bytes of `spec` as JSON, without its source: the status keeps a copy, and an object has room for 1.5 MiB (etcd). */
  specBytes: 262_144,
  reference: 1_000,
  /** Value of the annotation pillion.dev/resolve; what is beyond does not count. */
  resolveAsked: 1_024,
  secretName: 253,
  /** Istio's own for a plugin's name and for names and values of its environment. */
  pluginName: 256,
  envEntries: 256,
  envName: 256,
  envValue: 2_048,
  rawConfig: 65_536,
  keys: 20,
  keyName: 63,
  pem: 10_000,
  priority: { least: -2_147_483_648, most: 2_147_483_647 },
  threshold: { least: 1, most: 20 },
} as const;
