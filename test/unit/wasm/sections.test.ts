// Is a module read as the format has it, to the byte: numbers, names, the order of its sections, and where each ends.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { exportsOf, memoryOf, producersOf, unknownImports } from '../../../src/core/wasm/bytes/interface-of.ts';
import {
  cursorOn,
  readByte,
  readCount,
  readName,
  readSections,
  readU32,
  readU64,
  type Section,
  skip,
} from '../../../src/core/wasm/bytes/sections.ts';
import { join, leb, moduleHeader, section, text, vector } from '../../wasm/module-builder.ts';

/** What is read from these bytes, between two that belong to others, and how many of them it took. */
function reading<T>(read: (cursor: ReturnType<typeof cursorOn>) => T, bytes: readonly number[] | Uint8Array) {
  const around = join(0xaa, bytes, 0xaa);
  const cursor = cursorOn(around, { start: 1, end: around.length - 1 });
  const value = read(cursor);
  return value === undefined ? undefined : { value, took: cursor.at - 1 };
}

function whole(bytes: Uint8Array): Section {
  return { id: 0, start: 0, end: bytes.length };
}

suite('a part of a module', () => {
  test('ends where its section ends, whatever stands behind it', () => {
    assert.deepEqual(reading(readByte, [7]), { value: 7, took: 1 });
    for (const read of [readByte, readU32, readU64]) assert.equal(reading(read, []), undefined);
    assert.equal(reading(readName, []), undefined);
    assert.equal(reading(readU32, [0x80]), undefined);
    assert.equal(reading(readU64, [0x80]), undefined);
    assert.equal(reading(readName, [2, 0x61]), undefined);
    assert.deepEqual(reading(readName, [1, 0x61]), { value: 'a', took: 2 });
    assert.deepEqual(
      reading((cursor) => skip(cursor, 2), [1, 2]),
      { value: true, took: 2 },
    );
    assert.equal(
      reading((cursor) => skip(cursor, 3), [1, 2]),
      undefined,
    );
  });

  test('is a number of 32 bits in five bytes at most, and of no more bits', () => {
    for (const value of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 32 - 1])
      assert.deepEqual(reading(readU32, leb(value)), { value, took: leb(value).length });
    assert.deepEqual(reading(readU32, [0x81, 0x80, 0x80, 0x80, 0x00]), { value: 1, took: 5 });
    assert.equal(reading(readU32, leb(2 ** 32)), undefined);
    assert.equal(reading(readU32, [0xff, 0xff, 0xff, 0xff, 0x1f]), undefined);
    assert.equal(reading(readU32, [0x81, 0x80, 0x80, 0x80, 0x80, 0x00]), undefined);
  });

  test('is a number of 64 bits in ten bytes at most', () => {
    for (const value of [0, 1, 127, 128, 2 ** 32, 2 ** 48])
      assert.deepEqual(reading(readU64, leb(value)), { value, took: leb(value).length });
    assert.deepEqual(reading(readU64, [...Array(9).fill(0x80), 0x01])?.took, 10);
    assert.equal(reading(readU64, [...Array(10).fill(0x80), 0x00]), undefined);
  });

  test('is a name, of which the first 256 bytes are kept', () => {
    assert.equal(reading(readName, text('x'.repeat(256)))?.value, 'x'.repeat(256));
    const long = text('x'.repeat(300));
    assert.deepEqual(reading(readName, long), { value: `${'x'.repeat(256)}…`, took: long.length });
  });

  test('is a count of no more entries than can follow', () => {
    const three = [3, 0, 0, 0, 0, 0, 0];
    assert.equal(reading((cursor) => readCount(cursor, 2), three)?.value, 3);
    assert.equal(
      reading((cursor) => readCount(cursor, 3), three),
      undefined,
    );
  });
});

suite('the sections of a module', () => {
  const order = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
  const read = (...ids: readonly number[]) =>
    readSections(join(moduleHeader, ...ids.map((id) => section(id, id === 0 ? text('own') : ''))));

  test('come in one order, each once at most', () => {
    const all = read(...order);
    assert.deepEqual(typeof all === 'string' ? all : all.map(({ id }) => id), order);
    for (const [at, id] of order.entries()) {
      assert.match(String(read(id, id)), new RegExp(`^the section of kind ${id} at byte 10 stands twice or too late`));
      const next = order[at + 1];
      if (next !== undefined) assert.match(String(read(next, id)), /stands twice or too late/);
    }
    assert.match(String(read(14)), /^byte 8 begins a section of unknown kind 14/);
  });

  test('of people themselves stand anywhere, as often as they like, each with its name', () => {
    const all = read(0, 1, 0, 0, 3, 0);
    assert.ok(typeof all !== 'string');
    assert.deepEqual(
      all.map(({ id, name }) => name ?? id),
      ['own', 1, 'own', 'own', 3, 'own'],
    );
    assert.match(String(read(3, 0, 1)), /stands twice or too late/, 'and change no order');
    const [first, second] = all;
    assert.deepEqual([first?.start, first?.end, second?.start, second?.end], [14, 14, 16, 16]);
  });

  test('are ten thousand at most', () => {
    assert.equal(read(...Array(10_000).fill(0)).length, 10_000);
    assert.match(String(read(...Array(10_001).fill(0))), /more than 10000 sections/);
  });
});

suite('what a module imports', () => {
  const named = (kind: readonly number[]) => join(text('env'), text('x'), kind);
  const function0 = join(text('env'), text('log'), [0, 0]);
  const unknownIn = (...entries: readonly Uint8Array[]) => {
    const bytes = vector(entries);
    return unknownImports(bytes, whole(bytes), (name) => name === 'env.log');
  };

  test('is a function that the proxy knows, or is told with its module', () => {
    assert.deepEqual(unknownIn(function0), []);
    assert.deepEqual(unknownIn(named([0, 0]), function0), ['env.x']);
  });

  test('may be of every kind that there is, and nothing but a function is ever known', () => {
    const table = [1, 0x70, 0, 1];
    const bounded = [1, 0x70, 1, 1, 2];
    const memory = [2, 1, 1, 2];
    const memory64 = [2, 5, 1, 2];
    const global = [3, 0x7f, 0];
    const tag = [4, 0, 0];
    for (const kind of [table, bounded, memory, memory64, global, tag])
      assert.deepEqual(unknownIn(named(kind), function0), ['env.x (no function)'], String(kind));
    for (const cut of [[1, 0x70, 0], [1], [2, 1, 1], [2, 8, 1], [3, 0x7f], [4, 0], [4], [5, 0, 0], []])
      assert.equal(unknownIn(function0, named(cut)), undefined, String(cut));
  });

  test('is told up to five times', () => {
    assert.equal(unknownIn(...Array<Uint8Array>(9).fill(named([0, 0])))?.length, 5);
  });

  test('is nothing where its section goes on behind the last one, or is of no length', () => {
    for (const bytes of [join(vector([function0]), 0), Uint8Array.of()])
      assert.equal(
        unknownImports(bytes, whole(bytes), () => true),
        undefined,
      );
  });
});

suite('what a module exports', () => {
  test('is read by name and kind, where it matters', () => {
    const bytes = vector([join(text('memory'), [2, 0]), join(text('other'), [0, 1]), join(text('run'), [0, 0x80, 1])]);
    const found = exportsOf(bytes, whole(bytes), (name) => name !== 'other');
    assert.deepEqual(
      [...(found ?? [])],
      [
        ['memory', 2],
        ['run', 0],
      ],
    );
  });

  test('is nothing where an entry is cut off, or its section goes on behind the last one', () => {
    const entry = join(text('run'), [0, 0]);
    for (const bytes of [vector([entry.subarray(0, -1)]), join(vector([entry]), 0), Uint8Array.of()])
      assert.equal(
        exportsOf(bytes, whole(bytes), () => true),
        undefined,
      );
  });
});

suite('the memory of a module', () => {
  const limitsOf = (bytes: Uint8Array) => memoryOf(bytes, whole(bytes));

  test('has a minimum, and a maximum where it says so, in 32 or in 64 bits', () => {
    assert.deepEqual(limitsOf(vector([[0, 17]])), { initial: 17 });
    assert.deepEqual(limitsOf(vector([join(1, 17, leb(300))])), { initial: 17, maximum: 300 });
    assert.deepEqual(limitsOf(vector([join(5, 1, leb(2 ** 40))])), { initial: 1, maximum: 2 ** 40 });
    assert.equal(limitsOf(vector([join(1, 1, leb(2 ** 40))])), undefined);
  });

  test('may be none, and is nothing where its limits cannot be read', () => {
    assert.equal(limitsOf(vector([])), 'none');
    for (const limits of [[8, 1], [1, 1], [0]]) assert.equal(limitsOf(vector([limits])), undefined, String(limits));
    assert.equal(limitsOf(Uint8Array.of()), undefined);
  });
});

suite('who made a module', () => {
  const producersIn = (bytes: Uint8Array) => producersOf(bytes, whole(bytes));
  const field = (name: string, ...values: readonly (readonly [string, string])[]) =>
    join(text(name), vector(values.map(([tool, version]) => join(text(tool), text(version)))));

  test('is told with field, name and version', () => {
    const bytes = vector([
      field('language', ['Rust', '2021']),
      field('processed-by', ['rustc', '1.91.0'], ['lld', '']),
    ]);
    assert.deepEqual(producersIn(bytes), ['language Rust 2021', 'processed-by rustc 1.91.0', 'processed-by lld']);
  });

  test('is told twenty times at most, as far as it can be read, and with nothing that a terminal obeys', () => {
    const many = Array<readonly [string, string]>(15).fill(['a', '1']);
    assert.equal(producersIn(vector([field('one', ...many), field('two', ...many)])).length, 20);
    const cut = vector([field('one', ['a', '1'], ['b', '2'])]);
    assert.deepEqual(producersIn(cut.subarray(0, -1)), ['one a 1']);
    assert.deepEqual(producersIn(vector([field('one', ['\u001b[2J', '1'])])), ['one ?[2J 1']);
  });
});
