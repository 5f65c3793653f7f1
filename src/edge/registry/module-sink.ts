// Answers: where do the bytes of a module go while it is unpacked. They count only once unpackModule says so: until then
// a sink keeps them under no name that anybody reads.

export interface ModuleSink {
  /** Called in order; the chunk may be kept. What it throws ends the unpacking and reaches the caller as it is. */
  write(chunk: Uint8Array): void | Promise<void>;
}

/** A sink that keeps the module in memory. */
export function memorySink(): ModuleSink & { bytes(): Uint8Array } {
  const chunks: Uint8Array[] = [];
  return {
    write: (chunk) => void chunks.push(chunk),
    bytes: () => Buffer.concat(chunks),
  };
}
