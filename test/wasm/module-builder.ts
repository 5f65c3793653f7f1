// Answers: how does a test get a WebAssembly module, byte by byte, right or wrong. `moduleOf()` is a whole module; its
// parts can be left out, added or broken one by one.
// Does not belong here: modules that do something in a proxy (trial-modules.ts).

/** Bytes, numbers and texts one after the other. */
type Part = Uint8Array | readonly number[] | number | string;

/** Kinds of imports and exports in the binary format. */
export const kinds = { function: 0, table: 1, memory: 2, global: 3 } as const;
type Kind = keyof typeof kinds;

export interface ModuleParts {
  /** Names of functions that tell the ABI; `proxy_abi_version_0_2_1` where nothing is said. */
  readonly abi?: readonly string[];
  /** Names of the other exported functions; `malloc` and `_initialize` where nothing is said. */
  readonly functions?: readonly string[];
  /** Other exports, of the global, memory or function 0 that there is. */
  readonly exports?: Readonly<Record<string, Kind>>;
  /** `module.name` of imported functions. */
  readonly imports?: readonly string[];
  /** Pages of 64 KiB; `none` leaves the memory out. */
  readonly memory?: readonly [initial: number, maximum?: number] | 'none';
  /** Name and content of custom sections, at the end. */
  readonly custom?: Readonly<Record<string, Part>>;
}

/** A whole module that validates and does nothing. */
export function moduleOf(parts: ModuleParts = {}): Uint8Array {
  return join(moduleHeader, ...sectionsOf(parts));
}

/** A small module that every check takes; another label gives other bytes with the same meaning. */
export function validModule(label = ''): Uint8Array {
  return moduleOf({ memory: [1, 2], ...(label !== '' && { custom: { label } }) });
}

/** A module that every check takes and that has exactly so many bytes, at least some hundred. */
export function moduleOfSize(sizeBytes: number): Uint8Array {
  const empty = moduleOf({ memory: [1, 2] });
  const content = sizeBytes - empty.length - '\0\xff\xff\xff\xff\x0f\x04fill'.length;
  const name = text('fill');
  const body = join(name, new Uint8Array(content));
  return join(empty, 0, paddedLeb(body.length), body);
}

export const moduleHeader = join('\0asm', [1, 0, 0, 0]);

/** The sections of the module, one by one, to be put together otherwise. */
export function sectionsOf(parts: ModuleParts): readonly Uint8Array[] {
  const { abi = ['proxy_abi_version_0_2_1'], functions = ['malloc', '_initialize'], imports = [] } = parts;
  const named = [...abi, ...functions];
  return [
    section(1, vector(['\x60\x00\x00', '\x60\x01\x7f\x01\x7f'])),
    ...(imports.length === 0 ? [] : [section(2, vector(imports.map(importedFunction)))]),
    section(3, vector(named.map((name) => [name === 'malloc' ? 1 : 0]))),
    ...memorySection(parts.memory ?? [1]),
    section(6, vector([[0x7f, 0, 0x41, 0, 0x0b]])),
    section(7, exportVector(named, parts)),
    section(10, vector(named.map((name) => sized(name === 'malloc' ? [0, 0x41, 0, 0x0b] : [0, 0x0b])))),
    ...Object.entries(parts.custom ?? {}).map(([name, content]) => section(0, join(text(name), content))),
  ];
}

function memorySection(memory: readonly [initial: number, maximum?: number] | 'none'): readonly Uint8Array[] {
  if (memory === 'none') return [];
  const [initial, maximum] = memory;
  const limits = maximum === undefined ? join(0, leb(initial)) : join(1, leb(initial), leb(maximum));
  return [section(5, vector([limits]))];
}

function importedFunction(name: string): Uint8Array {
  const dot = name.indexOf('.');
  return join(text(name.slice(0, dot)), text(name.slice(dot + 1)), kinds.function, 0);
}

function exportVector(named: readonly string[], { imports = [], memory, exports = {} }: ModuleParts): Uint8Array {
  const functions = named.map((name, index) => join(text(name), kinds.function, leb(imports.length + index)));
  const own = memory === 'none' ? [] : [join(text('memory'), kinds.memory, 0)];
  const others = Object.entries(exports).map(([name, kind]) => join(text(name), kinds[kind], 0));
  return vector([...functions, ...own, ...others]);
}

/** A section: its kind, its length, its content. */
export function section(id: number, content: Part): Uint8Array {
  return join(id, sized(content));
}

/** A vector: how many there are, then one after the other. */
export function vector(entries: readonly Part[]): Uint8Array {
  return join(leb(entries.length), Buffer.concat(entries.map(bytesOf)));
}

/** A name: its length, then its bytes in UTF-8. */
export function text(name: string): Uint8Array {
  return sized(Buffer.from(name, 'utf8'));
}

function sized(content: Part): Uint8Array {
  const bytes = join(content);
  return join(leb(bytes.length), bytes);
}

/** An unsigned number in LEB128. */
export function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

/** The same in five bytes, whatever it is. */
function paddedLeb(value: number): Uint8Array {
  return Uint8Array.from({ length: 5 }, (_, at) => (Math.floor(value / 128 ** at) % 128) + (at < 4 ? 128 : 0));
}

/** All the parts in one; a text stands for its bytes in Latin-1. */
export function join(...parts: readonly Part[]): Uint8Array {
  return Buffer.concat(parts.map(bytesOf));
}

function bytesOf(part: Part): Uint8Array {
  if (typeof part === 'string') return Buffer.from(part, 'latin1');
  if (typeof part === 'number') return Uint8Array.of(part);
  return Uint8Array.from(part);
}
