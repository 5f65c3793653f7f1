// Answers: are modules taken that proxies take, and what is told about them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { hostImports } from '../../../src/core/wasm/bytes/host-imports.ts';
import { checkModule } from '../../../src/core/wasm/bytes/module-check.ts';
import { hardestModuleBytes } from '../../../src/core/wasm/limits.ts';
import type { ModuleFacts } from '../../../src/core/wasm/module.ts';
import { leb, type ModuleParts, moduleOf, moduleOfSize, text, validModule, vector } from '../../wasm/module-builder.ts';

function facts(parts: ModuleParts): ModuleFacts {
  const checked = checkModule(moduleOf(parts));
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.value;
}

/** A module about which nothing is to be told. */
const plain: ModuleParts = { memory: [1, 2] };

suite('modules that are taken', () => {
  test('a small one, about which nothing is to be told', () => {
    assert.deepEqual(facts(plain), { abi: '0.2.1', sizeBytes: moduleOf(plain).length, warnings: [], producers: [] });
  });

  test('one of each ABI, the old one with a warning', () => {
    assert.equal(facts({ ...plain, abi: ['proxy_abi_version_0_2_0'] }).abi, '0.2.0');
    const old = facts({ ...plain, abi: ['proxy_abi_version_0_1_0'] });
    assert.equal(old.abi, '0.1.0');
    assert.match(old.warnings.join(), /ABI 0\.1\.0, which is old/);
  });

  test('one that imports all that a host of its ABI has', () => {
    for (const abi of ['0.1.0', '0.2.0', '0.2.1'] as const) {
      const name = `proxy_abi_version_${abi.replaceAll('.', '_')}`;
      assert.equal(facts({ ...plain, abi: [name], imports: [...hostImports(abi)] }).abi, abi);
    }
  });

  test('one whose memory is given out by proxy_on_memory_allocate', () => {
    assert.ok(facts({ ...plain, functions: ['proxy_on_memory_allocate', '_start'] }));
  });

  test('one of 16 MiB, in less than a second', () => {
    const bytes = moduleOfSize(16 * 1024 * 1024);
    // what else runs on the machine can only add to it: the fastest one counts
    const tookMs = [1, 2, 3].map(() => {
      const startMs = performance.now();
      assert.ok(checkModule(bytes).ok);
      return performance.now() - startMs;
    });
    assert.ok(Math.min(...tookMs) < 1_000, `${tookMs} ms`);
  });

  test('another label makes another module of the same meaning', () => {
    assert.notDeepEqual(validModule('a'), validModule('b'));
    assert.deepEqual(checkModule(validModule('a')), checkModule(validModule('b')));
  });
});

suite('what is told about a module', () => {
  const told: readonly (readonly [parts: ModuleParts, warning: RegExp])[] = [
    [{ memory: [1025, 2000] }, /asks for 64\.0625 MiB of memory at once/],
    [{ memory: [1] }, /no maximum/],
    [{ ...plain, functions: ['malloc'] }, /Nothing starts it/],
    [{ ...plain, custom: { precompiled_wee8_v1: 'x' } }, /compiled code \("precompiled_wee8_v1"\)/],
    [{ ...plain, custom: { name: new Uint8Array(64 * 1024) } }, /64 of its 64 KiB are names of functions/],
  ];
  for (const [parts, warning] of told) {
    test(`${warning.source}`, () => {
      const { warnings } = facts(parts);
      assert.equal(warnings.length, 1);
      assert.match(warnings.join(), warning);
    });
  }

  test('its producers, as their section says', () => {
    const values = (...pairs: readonly (readonly [string, string])[]): Uint8Array =>
      vector(pairs.map(([name, version]) => Buffer.concat([text(name), text(version)])));
    const field = (name: string, list: Uint8Array): Uint8Array => Buffer.concat([text(name), list]);
    const producers = vector([
      field('language', values(['Rust', '2021'])),
      field('processed-by', values(['rustc', '1.91.0'], ['wasm-opt\u001b[2J', ''])),
    ]);
    const expected = ['language Rust 2021', 'processed-by rustc 1.91.0', 'processed-by wasm-opt?[2J'];
    assert.deepEqual(facts({ ...plain, custom: { producers } }).producers, expected);
  });

  test('nothing of a section of producers that lies', () => {
    assert.deepEqual(facts({ ...plain, custom: { producers: leb(2 ** 32 - 1) } }).producers, []);
    const cut = Buffer.concat([leb(1), text('language'), leb(1), text('Rust'), leb(9)]);
    assert.deepEqual(facts({ ...plain, custom: { producers: cut } }).producers, []);
  });
});

suite('what is said of files that are no modules', () => {
  const refused: readonly (readonly [what: string, bytes: Uint8Array, said: RegExp])[] = [
    ['WebAssembly text', Buffer.from('\n  (module)'), /it is WebAssembly text/],
    ['gzip', Buffer.from('1f8b08', 'hex'), /it is gzip/],
    ['a native library', Buffer.from('\x7fELF'), /ELF/],
    ['a pointer of Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1'), /Git LFS/],
    ['a component', Buffer.from('0061736d0d000100', 'hex'), /it is a component/],
    [
      'an unknown import',
      moduleOf({ imports: ['env.a', 'env.b', 'env.proxy_log'] }),
      /"env\.a", "env\.b", which no proxy/,
    ],
    [
      'two ABIs',
      moduleOf({ abi: ['proxy_abi_version_0_2_0', 'proxy_abi_version_x'] }),
      /0_2_0" and "proxy_abi_version_x"/,
    ],
  ];
  test('more than any proxy takes is refused before anything of it is read', () => {
    const checked = checkModule(new Uint8Array(hardestModuleBytes + 1));
    assert.ok(!checked.ok && checked.error.reason === 'TooLarge');
  });

  for (const [what, bytes, said] of refused) {
    test(`${what} is called by its name`, () => {
      const checked = checkModule(bytes);
      assert.ok(!checked.ok);
      assert.match(checked.error.message, said);
    });
  }
});
