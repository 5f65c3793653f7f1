// Answers: does the compiled filter do what its README says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './host.js';

const plugin = new URL('../build/plugin.wasm', import.meta.url);

const cases = [
  ['without a configuration it says hello', '', [['hello', 'world']]],
  ['a plain text is the value', 'tomorrow', [['hello', 'tomorrow']]],
  ['a plain text may have other letters', 'Welt, schön', [['hello', 'Welt, schön']]],
  ['an object names header and value', '{"name": "x-greeting", "value": "hi"}', [['x-greeting', 'hi']]],
  ['what the object leaves out is as ever', '{"value":"hi"}', [['hello', 'hi']]],
  ['an empty object is none', ' {} ', [['hello', 'world']]],
  ['a version has a header of its own', '{"version":"2"}', [['hello', 'world'], ['x-filter-version', '2']]],
  ['escapes are read', '{"value":"a \\"b\\" \\u00e9\\/"}', [['hello', 'a "b" é/']]],
  ['a long text is read whole', `{"value":"${'x'.repeat(5000)}"}`, [['hello', 'x'.repeat(5000)]]],
];

for (const [name, configuration, headers] of cases) {
  test(name, async () => {
    const filter = await load(plugin, { configuration });
    assert.ok(filter.accepted, filter.log.join('\n'));
    assert.deepEqual(filter.respond(), headers);
  });
}

const refused = [
  ['JSON that breaks off', '{"name": "a"', /"," is missing/],
  ['a text that does not end', '{"name": "a', /does not end/],
  ['something behind the object', '{} {}', /behind the object/],
  ['a number', '{"value": 1}', /""" is missing \(character 11\)/],
  ['an unknown key', '{"valu": "a"}', /key "valu"; name, value and version are known/],
  ['a name that is none', '{"name": "Not A Name"}', /is no name of a header/],
  ['a line end in the value', '{"value": "a\\r\\nset-cookie: b"}', /no header may have/],
];

for (const [name, configuration, why] of refused) {
  test(`it refuses ${name}`, async () => {
    const filter = await load(plugin, { configuration });
    assert.equal(filter.accepted, false);
    assert.match(filter.log.join('\n'), why);
  });
}

test('it is found under its root id too, and under no other', async () => {
  const filter = await load(plugin, { rootId: 'add_header', configuration: 'there' });
  assert.deepEqual(filter.respond(), [['hello', 'there']]);
  await assert.rejects(load(plugin, { rootId: 'other' }), /Missing root context factory for root id: other/);
});

test('it counts responses, and gives back the memory of each', async () => {
  const filter = await load(plugin, { configuration: '{"version":"3"}' });
  for (let i = 0; i < 1_000; i++) filter.respond();
  const before = filter.memoryBytes();
  for (let i = 0; i < 50_000; i++) assert.equal(filter.respond().length, 2);
  assert.equal(filter.memoryBytes(), before);
  assert.equal(filter.counters.get('add_header_responses_total'), 51_000);
});
