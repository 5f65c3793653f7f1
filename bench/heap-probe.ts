// Answers: how much is alive on the heap of this process, when the benchmark asks. Loaded before the program with
// `--expose-gc --import`, so that the program itself holds nothing for it.
export interface HeapFigures {
  readonly heapUsedBytes: number;
}

process.on('message', () => {
  // twice: what the first collection finalizes, the second frees
  globalThis.gc?.();
  globalThis.gc?.();
  const figures: HeapFigures = { heapUsedBytes: process.memoryUsage().heapUsed };
  process.send?.(figures);
});
process.channel?.unref();
