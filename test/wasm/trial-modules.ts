// Answers: which modules does a trial of a proxy meet: one that works, and one for each way not to. Assembled by hand, so
// that no toolchain is needed: a few functions of Proxy-Wasm ABI 0.2.1, each with a body of some bytes.
// Does not belong here: modules that are wrong as files (module-builder.ts).

/** Codes of the WebAssembly binary format 1.0. */
const op = {
  unreachable: 0x00,
  end: 0x0b,
  call: 0x10,
  drop: 0x1a,
  i32: 0x41,
  loop: 0x03,
  br: 0x0c,
  empty: 0x40,
} as const;
const i32 = 0x7f;

interface Signature {
  readonly takes: number;
  readonly gives: 0 | 1;
}

const imported = {
  proxy_log: { takes: 3, gives: 1 },
  proxy_add_header_map_value: { takes: 5, gives: 1 },
  proxy_send_local_response: { takes: 8, gives: 1 },
} as const satisfies Record<string, Signature>;

const exported = {
  _initialize: { takes: 0, gives: 0 },
  proxy_abi_version_0_2_1: { takes: 0, gives: 0 },
  proxy_on_memory_allocate: { takes: 1, gives: 1 },
  proxy_on_vm_start: { takes: 2, gives: 1 },
  proxy_on_configure: { takes: 2, gives: 1 },
  proxy_on_request_headers: { takes: 3, gives: 1 },
  proxy_on_response_headers: { takes: 3, gives: 1 },
  proxy_on_log: { takes: 1, gives: 0 },
} as const satisfies Record<string, Signature>;

type Exported = keyof typeof exported;
type Bodies = Partial<Record<Exported, readonly number[]>>;

/** Texts lie in memory from here on; the host writes above. */
const textAt = 1_024;
const hostAt = 32_768;

interface Texts {
  /** Where the text lies and how long it is, as two constants on the stack. */
  put(text: string): readonly number[];
}

const works: Bodies = {
  _initialize: [],
  proxy_abi_version_0_2_1: [],
  proxy_on_memory_allocate: constant(hostAt),
  proxy_on_vm_start: constant(1),
  proxy_on_configure: constant(1),
  proxy_on_request_headers: constant(0),
};

/** Each by what it does. */
export const trialModules = {
  /** Adds the header `trial: passed` to every response. */
  works: () => assemble((texts) => ({ ...works, proxy_on_response_headers: [...addHeader(texts), ...constant(0)] })),
  /** Answers 403 by itself, as a filter does that finds no credentials. */
  answersItself: () =>
    assemble((texts) => ({ ...works, proxy_on_request_headers: [...answer403(texts), ...constant(1)] })),
  trapsInInitialize: () => assemble(() => ({ ...works, _initialize: [op.unreachable] })),
  trapsAtVmStart: () => assemble(() => ({ ...works, proxy_on_vm_start: [op.unreachable] })),
  refusesItsConfiguration: () =>
    assemble((texts) => ({ ...works, proxy_on_configure: [...log(texts, 'no such colour'), ...constant(0)] })),
  panicsAtRequest: () =>
    assemble((texts) => ({
      ...works,
      proxy_on_request_headers: [...log(texts, 'panicked at src/lib.rs:7'), op.unreachable],
    })),
  /** The first request is answered; its end breaks the machine, and so every request after it. */
  panicsAfterRequest: () => assemble(() => ({ ...works, proxy_on_log: [op.unreachable] })),
  /** Stops the request and never lets it go on. */
  holdsRequest: () => assemble(() => ({ ...works, proxy_on_request_headers: constant(1) })),
  loopsAtVmStart: () =>
    assemble(() => ({ ...works, proxy_on_vm_start: [op.loop, op.empty, op.br, 0, op.end, op.unreachable] })),
  importsUnknown: () => assemble(() => works, 'proxy_no_such_function'),
} as const;

function constant(value: number): readonly number[] {
  return [op.i32, ...signed(value)];
}

function log(texts: Texts, text: string): readonly number[] {
  const critical = 5;
  return [...constant(critical), ...texts.put(text), ...call('proxy_log'), op.drop];
}

function addHeader(texts: Texts): readonly number[] {
  const responseHeaders = 2;
  return [
    ...constant(responseHeaders),
    ...texts.put('trial'),
    ...texts.put('passed'),
    ...call('proxy_add_header_map_value'),
    op.drop,
  ];
}

function answer403(texts: Texts): readonly number[] {
  const none = [...constant(0), ...constant(0)];
  const noGrpcStatus = constant(-1);
  return [
    ...constant(403),
    ...texts.put('denied by the filter'),
    ...none, // body
    ...none, // headers
    ...noGrpcStatus,
    ...call('proxy_send_local_response'),
    op.drop,
  ];
}

function call(name: keyof typeof imported): readonly number[] {
  return [op.call, Object.keys(imported).indexOf(name)];
}

function assemble(bodiesOf: (texts: Texts) => Bodies, unknownImport?: string): Uint8Array {
  const memory: number[] = [];
  const bodies = bodiesOf({
    put: (text) => {
      const at = textAt + memory.length;
      memory.push(...Buffer.from(text));
      return [...constant(at), ...constant(Buffer.byteLength(text))];
    },
  });
  const functions = Object.entries(bodies) as readonly (readonly [Exported, readonly number[]])[];
  const imports: readonly (readonly [string, Signature])[] = [
    ...Object.entries(imported),
    ...(unknownImport === undefined ? [] : [[unknownImport, { takes: 0, gives: 0 }] as const]),
  ];
  const signatures = [...imports.map(([, signature]) => signature), ...functions.map(([name]) => exported[name])];
  const ownFrom = imports.length;
  return Uint8Array.from([
    ...Buffer.from('\0asm'),
    ...[1, 0, 0, 0],
    ...section(1, vector(signatures.map(typeOf))),
    ...section(2, vector(imports.map(([name], at) => [...text('env'), ...text(name), 0, at]))),
    ...section(3, vector(functions.map((_, at) => unsigned(ownFrom + at)))),
    ...section(5, vector([[0, 1]])), // one page of memory
    ...section(
      7,
      vector([
        [...text('memory'), 2, 0],
        ...functions.map(([name], at) => [...text(name), 0, ...unsigned(ownFrom + at)]),
      ]),
    ),
    ...section(10, vector(functions.map(([, code]) => sized([0, ...code, op.end])))),
    ...(memory.length === 0 ? [] : section(11, vector([[0, ...constant(textAt), op.end, ...sized(memory)]]))),
  ]);
}

function typeOf({ takes, gives }: Signature): readonly number[] {
  return [0x60, ...vector(Array(takes).fill([i32])), ...vector(Array(gives).fill([i32]))];
}

function section(id: number, content: readonly number[]): readonly number[] {
  return [id, ...sized(content)];
}

function sized(content: readonly number[]): readonly number[] {
  return [...unsigned(content.length), ...content];
}

function vector(elements: readonly (readonly number[])[]): readonly number[] {
  return [...unsigned(elements.length), ...elements.flat()];
}

function text(value: string): readonly number[] {
  return sized([...Buffer.from(value)]);
}

/** LEB128. */
function unsigned(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): readonly number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
