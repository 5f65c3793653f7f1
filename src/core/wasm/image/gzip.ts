// Answers: how is a layer compressed so that its digest is the same everywhere. zlib promises what it unpacks to, not what
// it packs to: its output differs from version to version and from processor to processor. So the little of DEFLATE that
// is needed stands here: matches found by hash chains, fixed Huffman codes. Sources: RFC 1951 (3.2.6), RFC 1952.

const windowBytes = 32_768;
const shortestMatch = 3;
const longestMatch = 258;
/** How many earlier places are tried; more finds little more. */
const mostTries = 64;
const hashBits = 15;

interface Code {
  /** Bits as they are written, the first one lowest. */
  readonly bits: number;
  readonly count: number;
}

interface Range extends Code {
  /** First value of the range; what is more stands in the extra bits. */
  readonly base: number;
  readonly extraBits: number;
}

function reversed(value: number, count: number): number {
  let bits = 0;
  for (let at = 0; at < count; at += 1) bits |= ((value >> at) & 1) << (count - 1 - at);
  return bits;
}

/** The fixed code of a literal or a length. */
function fixedCode(symbol: number): Code {
  if (symbol < 144) return { bits: reversed(0x30 + symbol, 8), count: 8 };
  if (symbol < 256) return { bits: reversed(0x190 + symbol - 144, 9), count: 9 };
  if (symbol < 280) return { bits: reversed(symbol - 256, 7), count: 7 };
  return { bits: reversed(0xc0 + symbol - 280, 8), count: 8 };
}

const literals = Array.from({ length: 256 }, (_, byte) => fixedCode(byte));
const endOfBlock = fixedCode(256);
const lengths = rangeOfEach(
  [
    ...ranges(28, shortestMatch, (at) => (at < 8 ? 0 : (at >> 2) - 1)).map((one, at) => ({
      ...one,
      ...fixedCode(257 + at),
    })),
    { base: longestMatch, extraBits: 0, ...fixedCode(285) },
  ],
  longestMatch,
);
const distances = rangeOfEach(
  ranges(30, 1, (at) => (at < 4 ? 0 : (at >> 1) - 1)).map((one, at) => ({ ...one, bits: reversed(at, 5), count: 5 })),
  windowBytes,
);

function ranges(count: number, first: number, bitsOf: (at: number) => number): Omit<Range, keyof Code>[] {
  let base = first;
  return Array.from({ length: count }, (_, at) => {
    const one = { base, extraBits: bitsOf(at) };
    base += 1 << one.extraBits;
    return one;
  });
}

/** By each value up to the largest: the range that it is in, the last one that begins at it or before. */
function rangeOfEach(all: readonly Range[], largest: number): readonly (Range | undefined)[] {
  const found: (Range | undefined)[] = [];
  for (const one of all) for (let value = one.base; value <= largest; value += 1) found[value] = one;
  return found;
}

interface BitWriter {
  write(bits: number, count: number): void;
  /** What was written, filled up to a whole byte. */
  bytes(): Uint8Array;
}

function bitWriter(mostBytes: number): BitWriter {
  const out = new Uint8Array(mostBytes);
  let length = 0;
  let held = 0;
  let heldBits = 0;
  const write = (bits: number, count: number) => {
    held |= bits << heldBits;
    heldBits += count;
    while (heldBits >= 8) {
      out[length] = held & 0xff;
      length += 1;
      held >>>= 8;
      heldBits -= 8;
    }
  };
  return {
    write,
    bytes: () => {
      if (heldBits > 0) write(0, 8 - heldBits);
      return out.subarray(0, length);
    },
  };
}

interface Match {
  readonly length: number;
  readonly distance: number;
}

/** Remembers where each three bytes stood, the latest place first. */
function matchFinder(bytes: Uint8Array): { add(at: number): void; find(at: number): Match } {
  const latest = new Int32Array(1 << hashBits).fill(-1);
  const earlier = new Int32Array(windowBytes).fill(-1);
  const byte = (at: number) => bytes[at] ?? 0;
  const hashAt = (at: number) =>
    (Math.imul((byte(at) << 16) | (byte(at + 1) << 8) | byte(at + 2), 0x9e37_79b1) >>> (32 - hashBits)) as number;
  const sameFrom = (one: number, other: number) => {
    const most = Math.min(longestMatch, bytes.length - other);
    let length = 0;
    while (length < most && bytes[one + length] === bytes[other + length]) length += 1;
    return length;
  };
  return {
    add: (at) => {
      if (at + shortestMatch > bytes.length) return;
      const hash = hashAt(at);
      earlier[at % windowBytes] = latest[hash] ?? -1;
      latest[hash] = at;
    },
    find: (at) => {
      let best: Match = { length: 0, distance: 0 };
      if (at + shortestMatch > bytes.length) return best;
      let place = latest[hashAt(at)] ?? -1;
      for (let tries = 0; tries < mostTries && place >= 0 && at - place <= windowBytes; tries += 1) {
        const length = sameFrom(place, at);
        if (length > best.length) best = { length, distance: at - place };
        if (best.length === longestMatch) break;
        place = earlier[place % windowBytes] ?? -1;
      }
      return best;
    },
  };
}

function writeCode(out: BitWriter, range: Range | undefined, value: number): void {
  if (range === undefined) throw new RangeError(`No code for ${value}`);
  out.write(range.bits, range.count);
  out.write(value - range.base, range.extraBits);
}

/** One block with the fixed codes. */
function deflate(bytes: Uint8Array): Uint8Array {
  // No byte costs more than the nine bits of the longest literal.
  const out = bitWriter(Math.ceil((bytes.length * 9) / 8) + 16);
  const finder = matchFinder(bytes);
  out.write(0b011, 3); // the last block; fixed codes
  for (let at = 0; at < bytes.length; ) {
    const { length, distance } = finder.find(at);
    const isMatch = length >= shortestMatch;
    if (isMatch) {
      writeCode(out, lengths[length], length);
      writeCode(out, distances[distance], distance);
    } else {
      const literal = literals[bytes[at] ?? 0] ?? endOfBlock;
      out.write(literal.bits, literal.count);
    }
    const end = at + (isMatch ? length : 1);
    for (; at < end; at += 1) finder.add(at);
  }
  out.write(endOfBlock.bits, endOfBlock.count);
  return out.bytes();
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (value >>> 8) ^ (crcTable[(value ^ byte) & 0xff] ?? 0);
  return ~value >>> 0;
}

/** The bytes as one gzip member, without name, time or operating system in its header. */
export function gzipOf(bytes: Uint8Array): Uint8Array {
  const unknownSystem = 0xff;
  const head = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, unknownSystem);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32(bytes), 0);
  tail.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, deflate(bytes), tail]);
}
