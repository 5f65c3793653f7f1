// Answers: does anything that somebody sends to do harm come further than its refusal: into the store, or into memory.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeFlags } from '../../../scripts/server-process.ts';
import { hostileFixtures } from '../../wasm/hostile-fixtures.ts';
import type { HostileOutcome, HostileSummary } from '../../wasm/hostile-run.ts';

const program = fileURLToPath(new URL('../../wasm/hostile-run.ts', import.meta.url));
const mebibyte = 1024 * 1024;
const mostGrowthBytes = 50_000_000;
const longestRowMs = 5_000;
const longestRunMs = 60_000;

const outcomes = new Map<string, HostileOutcome>();
let summary: HostileSummary | undefined;

suite('hostile inputs', () => {
  before(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [...nodeFlags, program], {
      timeout: longestRunMs,
      maxBuffer: 16 * mebibyte,
    });
    for (const line of stdout.trim().split('\n')) {
      const read = JSON.parse(line) as HostileOutcome | HostileSummary;
      if ('name' in read) outcomes.set(read.name, read);
      else summary = read;
    }
  });

  for (const { name, reason, says } of hostileFixtures) {
    test(`${name} is refused as ${reason}`, () => {
      const outcome = outcomes.get(name);
      const refused = outcome?.refusal;
      assert.ok(outcome !== undefined && refused !== undefined, 'it was taken');
      assert.equal(refused.reason, reason, refused.message);
      assert.ok(refused.message.includes(says), refused.message);
      assert.match(refused.message, /^Cannot .+: .+[^.]$/s);
      assert.ok(refused.message.length < 1_000, 'the message is no copy of what was sent');
      assert.ok(!/hunter2/.test(refused.message), 'no password is told');
      assert.ok(outcome.tookMs < longestRowMs, `it took ${outcome.tookMs} ms`);
    });
  }

  test('nothing of all this is under a final name, nor left over, where a good module was', () => {
    assert.ok(hostileFixtures.length >= 40);
    assert.equal(new Set(hostileFixtures.map(({ name }) => name)).size, hostileFixtures.length);
    assert.equal(summary?.goodFiles, 1);
    assert.deepEqual(summary.files.toSorted(), ['modules', 'tmp']);
  });

  test('the memory of the process grew by less than 50 MB', (context) => {
    const grownBytes = summary?.grownBytes ?? Number.NaN;
    context.diagnostic(`${hostileFixtures.length} fixtures, ${Math.round(grownBytes / mebibyte)} MiB`);
    assert.ok(grownBytes < mostGrowthBytes, `${grownBytes} bytes`);
  });
});
