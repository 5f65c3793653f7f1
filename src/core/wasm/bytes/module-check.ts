// Answers: will a proxy take these bytes: is it a core module, with a Proxy-Wasm ABI, the exports that every host calls
// and no import that none has.
// Does not belong here: whether it starts and takes its configuration (the trial).
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import { hardestModuleBytes, mebibyte } from '../limits.ts';
import type { Abi, ModuleFacts } from '../module.ts';
import { type Refusal, type RefusalReason, refusal } from '../refusals.ts';
import { hostImports } from './host-imports.ts';
import { exportsOf, type Limits, memoryOf, producersOf, sectionOf, unknownImports } from './interface-of.ts';
import { looksLike } from './looks-like.ts';
import { cursorOn, externKinds, readCount, readSections, type Section } from './sections.ts';

/** Node has it, its types do not. The proxy's V8 may know less: true is a hint, false is a verdict. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } };

const abiExport = 'proxy_abi_version_';
const abis: Readonly<Record<string, Abi>> = { '0_1_0': '0.1.0', '0_2_0': '0.2.0', '0_2_1': '0.2.1' };
const watched: ReadonlySet<string> = new Set(['memory', 'malloc', 'proxy_on_memory_allocate', '_initialize', '_start']);

type Refused = { readonly ok: false; readonly error: Refusal };

function refuse(reason: RefusalReason, state: string): Refused {
  return fail(refusal(reason, `Cannot take the module: ${state}`));
}

/**
 * Checks a module. Synchronous and without compiling: about 2 ms for each MiB. Source of the rules: what
 * proxy-wasm-cpp-host does when it loads a module.
 */
export function checkModule(bytes: Uint8Array): Result<ModuleFacts, Refusal> {
  const broken = checkHeader(bytes);
  if (broken !== undefined) return broken;
  const sections = readSections(bytes);
  if (typeof sections === 'string') return refuse('NotWasm', sections);
  const crowded = checkCounts(bytes, sections);
  if (crowded !== undefined) return crowded;
  const exported = readExports(bytes, sections);
  if (exported === undefined) return refuse('NotWasm', 'its export section is broken');
  const abi = abiOf(exported);
  if (!abi.ok) return abi;
  const lacking = checkExports(exported) ?? checkImports(bytes, sections, abi.value);
  if (lacking !== undefined) return lacking;
  const memorySection = sectionOf(sections, 'memory');
  const memory = memorySection && memoryOf(bytes, memorySection);
  if (memory === undefined || memory === 'none') return refuse('NotWasm', 'its memory section is broken or missing');
  if (!WebAssembly.validate(bytes)) return refuse('NotWasm', 'it is not valid, or needs what no proxy has');
  return ok({
    abi: abi.value,
    sizeBytes: bytes.length,
    warnings: warningsOf(bytes, { abi: abi.value, sections, exported, memory }),
    producers: customSections(sections, 'producers').flatMap((section) => producersOf(bytes, section)),
  });
}

/** The first eight bytes: magic number and version 1. Version 13 of layer 1 is a component. */
function checkHeader(bytes: Uint8Array): Refused | undefined {
  if (bytes.length > hardestModuleBytes) {
    return refuse('TooLarge', `it has ${bytes.length} bytes, and no proxy takes more than ${hardestModuleBytes}`);
  }
  const header = Buffer.from(bytes.subarray(0, 8)).toString('hex');
  if (!header.startsWith('0061736d')) return refuse('NotWasm', `${looksLike(bytes)}, it does not begin with "\\0asm"`);
  if (header === '0061736d01000000') return undefined;
  if (header.slice(12) === '0100') return refuse('IsComponent', 'it is a component, not a core module');
  return refuse('NotWasm', `its version is ${header.slice(8) || 'missing'}, not 01000000`);
}

/** No toolchain writes so many; reading a name for each byte that somebody sends would take seconds. */
const mostEntries = 100_000;
const leastEntryBytes = 3;

function checkCounts(bytes: Uint8Array, sections: readonly Section[]): Refused | undefined {
  for (const kind of ['import', 'export'] as const) {
    const section = sectionOf(sections, kind);
    const count = section && readCount(cursorOn(bytes, section), leastEntryBytes);
    if ((count ?? 0) > mostEntries)
      return refuse('TooLarge', `it has ${count} ${kind}s, and ${mostEntries} are allowed`);
  }
  return undefined;
}

function readExports(bytes: Uint8Array, sections: readonly Section[]): ReadonlyMap<string, number> | undefined {
  const section = sectionOf(sections, 'export');
  if (section === undefined) return new Map();
  return exportsOf(bytes, section, (name) => watched.has(name) || name.startsWith(abiExport));
}

/** One function among the exports tells the ABI; the host takes the first that it finds, so two are a riddle. */
function abiOf(exported: ReadonlyMap<string, number>): Result<Abi, Refusal> {
  const named = [...exported].filter(([name]) => name.startsWith(abiExport));
  const functions = named.filter(([, kind]) => kind === externKinds.function).map(([name]) => name);
  const [first, second] = functions;
  if (first === undefined) {
    const state =
      named.length === 0
        ? `it exports no function ${abiExport}…`
        : `its export ${quoted(named[0]?.[0] ?? '')} is no function`;
    return refuse('AbiMissing', state);
  }
  if (second !== undefined)
    return refuse('AbiUnsupported', `it exports ${functions.slice(0, 3).map(quoted).join(' and ')}`);
  const abi = abis[first.slice(abiExport.length)];
  return abi === undefined ? refuse('AbiUnsupported', `it exports ${quoted(first)}`) : ok(abi);
}

function checkExports(exported: ReadonlyMap<string, number>): Refused | undefined {
  const isFunction = (name: string): boolean => exported.get(name) === externKinds.function;
  if (exported.get('memory') !== externKinds.memory) return refuse('ExportMissing', 'it exports no memory "memory"');
  if (isFunction('malloc') || isFunction('proxy_on_memory_allocate')) return undefined;
  return refuse('ExportMissing', 'it exports neither function "malloc" nor "proxy_on_memory_allocate"');
}

function checkImports(bytes: Uint8Array, sections: readonly Section[], abi: Abi): Refused | undefined {
  const section = sectionOf(sections, 'import');
  if (section === undefined) return undefined;
  const known = hostImports(abi);
  const unknown = unknownImports(bytes, section, (name) => known.has(name));
  if (unknown === undefined) return refuse('NotWasm', 'its import section is broken');
  if (unknown.length === 0) return undefined;
  return refuse('ImportUnknown', `it imports ${unknown.map(quoted).join(', ')}, which no proxy has for ABI ${abi}`);
}

interface Looked {
  readonly abi: Abi;
  readonly sections: readonly Section[];
  readonly exported: ReadonlyMap<string, number>;
  readonly memory: Limits;
}

const pageBytes = 64 * 1024;
const muchMemoryPages = (64 * mebibyte) / pageBytes;
/** Names that take less are not worth a sentence. */
const muchNamesBytes = 32 * 1024;

function warningsOf(bytes: Uint8Array, { abi, sections, exported, memory }: Looked): readonly string[] {
  const names = customSections(sections, 'name').reduce((sum, { start, end }) => sum + end - start, 0);
  const starts = exported.has('_initialize') || exported.has('_start') || sectionOf(sections, 'start') !== undefined;
  const compiled = sections.find(({ name }) => name?.startsWith('precompiled_'));
  const told: readonly (readonly [boolean, string])[] = [
    [abi === '0.1.0', 'It is built for ABI 0.1.0, which is old: build it with a newer SDK'],
    [!starts, 'Nothing starts it: it exports neither "_initialize" nor "_start"'],
    [
      memory.initial > muchMemoryPages,
      `It asks for ${(memory.initial * pageBytes) / mebibyte} MiB of memory at once, in every thread of every proxy`,
    ],
    [memory.maximum === undefined, 'Its memory has no maximum: it can grow to 4 GiB in every thread of every proxy'],
    [compiled !== undefined, `It holds compiled code (${quoted(compiled?.name ?? '')}), which proxies strip`],
    [
      names > muchNamesBytes,
      `${Math.round(names / 1024)} of its ${Math.round(bytes.length / 1024)} KiB are names of functions, which can be stripped`,
    ],
  ];
  return told.filter(([applies]) => applies).map(([, sentence]) => sentence);
}

function customSections(sections: readonly Section[], wanted: string): readonly Section[] {
  return sections.filter(({ name }) => name === wanted);
}
