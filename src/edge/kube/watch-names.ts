// Answers: which watches do the settings of a cluster rest on. Public: a label of metrics.

export const watchNames = [
  'options',
  'mesh',
  'injector',
  'nodes',
  'namespaces',
  'proxyconfigs',
  'wasmextensions',
] as const;
export type WatchName = (typeof watchNames)[number];
