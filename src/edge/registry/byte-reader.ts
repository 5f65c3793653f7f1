// Answers: how is a stream of chunks read in pieces of a wanted size, holding no more than that.

export interface ByteReader {
  /** The next bytes without taking them: fewer where the stream ends. At most a few kilobytes. */
  peek(length: number): Promise<Uint8Array>;
  /** The next bytes; undefined where the stream ends before. At most a few kilobytes. */
  take(length: number): Promise<Uint8Array | undefined>;
  /** Some of the next bytes, at most so many; undefined at the end. */
  some(most: number): Promise<Uint8Array | undefined>;
  /** Leaves the stream. */
  close(): Promise<void>;
}

export function byteReader(chunks: AsyncIterable<Uint8Array>): ByteReader {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  const fill = async (length: number): Promise<boolean> => {
    while (held.byteLength < length) {
      const { done, value } = await iterator.next();
      if (done === true) return false;
      held = held.byteLength === 0 ? value : Buffer.concat([held, value]);
    }
    return true;
  };
  const shift = (length: number): Uint8Array => {
    const taken = held.subarray(0, length);
    held = held.subarray(length);
    return taken;
  };
  return {
    peek: async (length) => {
      await fill(length);
      return held.subarray(0, length);
    },
    take: async (length) => ((await fill(length)) ? shift(length) : undefined),
    some: async (most) => ((await fill(1)) ? shift(most) : undefined),
    close: async () => void (await iterator.return?.()),
  };
}
