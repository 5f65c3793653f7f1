// Do the metrics and the log say how Wasm modules came to a pod, and why.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { admit } from '../../../src/core/admit.ts';
import { createLog } from '../../../src/edge/log.ts';
import { createTelemetry } from '../../../src/edge/telemetry.ts';
import { facts, patched, pod, review } from '../../builders.ts';
import { extension, knowing } from '../../unit/wasm/declared.ts';

const known = knowing(facts(), [extension('a'), extension('b'), extension('c', { onMissing: 'run-without' })]);

async function toldOf(path: string): Promise<{ readonly counted: readonly string[]; readonly modules: unknown }> {
  const lines: string[] = [];
  const output = { write: (text: string) => void lines.push(text) };
  const telemetry = createTelemetry(createLog('info', output), output, '1.2.3');
  const before = pod('web');
  const injected = admit(review(before), facts());
  const object = path === '/wasm' && 'patch' in injected ? patched(before, injected.patch) : before;
  const asked = review(object, { path });
  telemetry.decided(asked, admit(asked, known), 0.0001);
  await nextTurn();
  const { text } = await telemetry.print();
  const counted = text.split('\n').filter((line) => /^pillion_wasm_deliveries_total.* [1-9]/.test(line));
  return { counted, modules: JSON.parse(lines.join('')).modules };
}

for (const path of ['/inject', '/wasm']) {
  test(`each module of a pod counts once and is in its line of the log, asked under ${path}`, async () => {
    const { counted, modules } = await toldOf(path);
    assert.deepEqual(counted, [
      'pillion_wasm_deliveries_total{delivery="node-store",reason="usual"} 2',
      'pillion_wasm_deliveries_total{delivery="agent-pull",reason="run-without"} 1',
    ]);
    assert.deepEqual(modules, [
      'default/a node-store usual',
      'default/b node-store usual',
      'default/c agent-pull run-without',
    ]);
  });
}
