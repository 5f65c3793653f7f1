// What the totals of an end-to-end run count.
import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { createReport } from './report.ts';

const entryFile = '/e2e/a.e2e.ts';

function ended(name: string, passed: boolean, more: object = {}): object {
  const details = {
    passed,
    duration_ms: 1,
    type: 'test',
    ...(passed ? {} : { error: new Error(`${name} is broken`) }),
  };
  return { type: 'test:complete', data: { name, nesting: 1, entryFile, details, ...more } };
}

async function reported(events: readonly object[], failure?: Error) {
  const output = new PassThrough();
  const shown = text(output);
  const report = createReport(output);
  await report.follow(Readable.from(events));
  if (failure !== undefined) report.fail('the old cluster', failure);
  const totals = await report.finish(['a note']);
  output.end();
  return { totals, lines: (await shown).trimEnd().split('\n') };
}

test('each test counts once, when it has ended; suites do not count, and the totals are the last line', async () => {
  const inOrder = { type: 'test:pass', data: { name: 'first', nesting: 1, entryFile, details: { duration_ms: 1 } } };
  const suite = { name: 'all', nesting: 0, details: { passed: false, duration_ms: 1, type: 'suite' } };
  const { totals, lines } = await reported([
    ended('first', true),
    inOrder,
    ended('second', false),
    ended('third', true, { skip: 'not here' }),
    { type: 'test:complete', data: { ...suite, entryFile } },
  ]);
  assert.deepEqual(totals, { passed: 1, failed: 1, skipped: 1 });
  assert.deepEqual(lines.slice(-2), ['a note', '1 passed, 1 failed, 1 skipped']);
  assert.equal(lines.filter((line) => line.includes('✔ first')).length, 1);
  assert.ok(lines.some((line) => line.includes('second is broken')));
});

test('a file whose process ends badly, and a cluster that cannot be made, count as failed', async () => {
  const details = { duration_ms: 1, type: 'test', error: new Error('test failed') };
  const events = [{ type: 'test:fail', data: { name: entryFile, nesting: 0, details } }];
  const { totals, lines } = await reported(events, new Error('Docker does not answer'));
  assert.deepEqual(totals, { passed: 0, failed: 2, skipped: 0 });
  assert.ok(lines.some((line) => line.includes('Docker does not answer')));
});
