// Answers: which files must never be called a module.

import { compatLayer } from './archive-builder.ts';
import type { HostileFixture } from './hostile-fixtures.ts';
import { join, leb, moduleHeader, moduleOf, section, sectionsOf, text, vector } from './module-builder.ts';

type Row = readonly [name: string, reason: HostileFixture['reason'], says: string, bytes: () => Uint8Array];

const [types, functions, memory, globals, exports, code] = sectionsOf({}) as readonly [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const whole = moduleOf();

function withExports(content: Uint8Array): Uint8Array {
  return join(moduleHeader, types, functions, memory, globals, section(7, content), code);
}

const rows: readonly Row[] = [
  ['nothing', 'NotWasm', 'it is empty, it does not begin with "\\0asm"', () => new Uint8Array()],
  ['seven bytes', 'NotWasm', 'its version is 010000, not 01000000', () => join('\0asm', [1, 0, 0])],
  [
    'WebAssembly text',
    'NotWasm',
    'it is WebAssembly text, it does not begin with "\\0asm"',
    () => Buffer.from('(module (func (export "proxy_abi_version_0_2_1")))'),
  ],
  [
    'a native library',
    'NotWasm',
    'it is a native library or program (ELF), it does not begin with "\\0asm',
    () => join('\x7fELF', new Uint8Array(100)),
  ],
  [
    'a script',
    'NotWasm',
    'it is a script, it does not begin with "\\0asm"',
    () => Buffer.from('#!/bin/sh\nrm -rf /\n'),
  ],
  [
    'a component',
    'IsComponent',
    'it is a component, not a core module',
    () => join('\0asm', [0x0d, 0, 1, 0], new Uint8Array(20)),
  ],
  ['version 2', 'NotWasm', 'its version is 02000000, not 01000000', () => join('\0asm', [2, 0, 0, 0])],
  [
    'a section that is longer than the file',
    'NotWasm',
    'the section at byte 8 is cut off or broken',
    () => join(moduleHeader, 1, leb(1000), 0),
  ],
  [
    'a section that is 4 GiB long',
    'NotWasm',
    'the section at byte 8 is cut off or broken',
    () => join(moduleHeader, 1, leb(2 ** 32 - 1), 0),
  ],
  [
    'a module cut in the middle',
    'NotWasm',
    'the section at byte 99 is cut off or broken',
    () => whole.subarray(0, whole.length - 10),
  ],
  [
    'a length in six bytes',
    'NotWasm',
    'the section at byte 8 is cut off or broken',
    () => join(moduleHeader, 1, [0x80, 0x80, 0x80, 0x80, 0x80, 0]),
  ],
  [
    'a length beyond 32 bits',
    'NotWasm',
    'the section at byte 8 is cut off or broken',
    () => join(moduleHeader, 1, [0xff, 0xff, 0xff, 0xff, 0x7f]),
  ],
  [
    'a section twice',
    'NotWasm',
    'the section of kind 7 at byte 113 stands twice or too late',
    () => join(whole, exports),
  ],
  [
    'sections in another order',
    'NotWasm',
    'the section of kind 3 at byte 24 stands twice or too late',
    () => join(moduleHeader, types, memory, functions, globals, exports, code),
  ],
  [
    'a section of unknown kind',
    'NotWasm',
    'byte 113 begins a section of unknown kind 77',
    () => join(whole, section(77, 'x')),
  ],
  [
    'a custom section without a name',
    'NotWasm',
    'the section at byte 113 is cut off or broken',
    () => join(whole, section(0, [200])),
  ],
  [
    '10001 sections',
    'NotWasm',
    'it has more than 10000 sections',
    () => join(whole, Buffer.alloc(4 * 10_001, section(0, text('x')))),
  ],
  [
    'four thousand million exports in ten bytes',
    'NotWasm',
    'its export section is broken',
    () => withExports(join(leb(2 ** 32 - 1), new Uint8Array(10))),
  ],
  ['an export more than there are', 'NotWasm', 'its export section is broken', () => withExports(vector([]).fill(1))],
  ['bytes after the exports', 'NotWasm', 'its export section is broken', () => withExports(join(0, 0, 0))],
  [
    'four thousand million imports',
    'NotWasm',
    'its import section is broken',
    () => join(moduleHeader, types, section(2, leb(2 ** 32 - 1)), functions, memory, globals, exports, code),
  ],
  [
    '200000 exports',
    'TooLarge',
    'it has 200000 exports, and 100000 are allowed',
    () => withExports(join(leb(200_000), new Uint8Array(3 * 200_000))),
  ],
  [
    'a body that is no code',
    'NotWasm',
    'it is not valid, or needs what no proxy has',
    () =>
      join(
        moduleHeader,
        types,
        functions,
        memory,
        globals,
        exports,
        section(10, vector(Array.from({ length: 3 }, () => [2, 0, 0x1a]))),
      ),
  ],
  ['no ABI', 'AbiMissing', 'it exports no function proxy_abi_version_…', () => moduleOf({ abi: [] })],
  [
    'an ABI that is a global',
    'AbiMissing',
    'its export "proxy_abi_version_0_2_1" is no function',
    () => moduleOf({ abi: [], exports: { proxy_abi_version_0_2_1: 'global' } }),
  ],
  [
    'two ABIs',
    'AbiUnsupported',
    'it exports "proxy_abi_version_0_2_0" and "proxy_abi_version_0_2_1"',
    () => moduleOf({ abi: ['proxy_abi_version_0_2_0', 'proxy_abi_version_0_2_1'] }),
  ],
  [
    'an ABI of the future',
    'AbiUnsupported',
    'it exports "proxy_abi_version_0_3_0"',
    () => moduleOf({ abi: ['proxy_abi_version_0_3_0'] }),
  ],
  [
    'no malloc',
    'ExportMissing',
    'it exports neither function "malloc" nor "proxy_on_memory_allocate"',
    () => moduleOf({ functions: ['_initialize'] }),
  ],
  [
    'a malloc that is a global',
    'ExportMissing',
    'it exports neither function "malloc" nor "proxy_on_memory_allocate"',
    () => moduleOf({ functions: ['_initialize'], exports: { malloc: 'global' } }),
  ],
  ['no memory', 'ExportMissing', 'it exports no memory "memory"', () => moduleOf({ memory: 'none' })],
  [
    'a memory that is a function',
    'ExportMissing',
    'it exports no memory "memory"',
    () => moduleOf({ memory: 'none', functions: ['malloc', 'memory'] }),
  ],
  [
    'an import that no proxy has',
    'ImportUnknown',
    'it imports "env.system", which no proxy has for ABI 0.2.1',
    () => moduleOf({ imports: ['env.system'] }),
  ],
  [
    'an import of another host',
    'ImportUnknown',
    'it imports "wasi:io/streams@0.2.0.read", which no proxy has for ABI 0.',
    () => moduleOf({ imports: ['wasi:io/streams@0.2.0.read'] }),
  ],
  [
    'an import of another ABI',
    'ImportUnknown',
    'it imports "env.proxy_get_log_level", which no proxy has for ABI 0.2.0',
    () => moduleOf({ abi: ['proxy_abi_version_0_2_0'], imports: ['env.proxy_get_log_level'] }),
  ],
  [
    'an import whose name ends early',
    'ImportUnknown',
    'it imports "env.proxy_log\\u0000_x", which no proxy has for ABI 0.2.1',
    () => moduleOf({ imports: ['env.proxy_log\0_x'] }),
  ],
  [
    'an imported memory',
    'ImportUnknown',
    'it imports "env.memory (no function)", which no proxy has for ABI 0.2.',
    () =>
      join(
        moduleHeader,
        types,
        section(2, vector([join(text('env'), text('memory'), 2, 0, 1)])),
        functions,
        memory,
        globals,
        exports,
        code,
      ),
  ],
];

export const hostileModules: readonly HostileFixture[] = rows.map(([name, reason, says, bytes]) => ({
  name: `module: ${name}`,
  reason,
  says,
  make: () => ({ kind: 'blob', variant: 'compat-oci', blob: compatLayer(bytes()) }),
}));
