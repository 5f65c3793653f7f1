// What an admission costs more where extensions are delivered. Two servers take turns under the same load (A B A B …),
// and the median of the ratios counts; something else on the machine can spoil a series, but not three of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startClient } from '../../../bench/children.ts';
import { extensionCount, matchingCount, measureExtensions } from '../../../bench/extensions.ts';

const mostTimes = 1.3;
const mostSeries = 3;
const plan = { connections: 8, turns: 7, seconds: 0.8 };

test(`with ${extensionCount} extensions of which ${matchingCount} match, an admission costs at most ${mostTimes} times the CPU`, async (context) => {
  const client = startClient();
  context.after(() => client.stop());
  const ratios: number[] = [];
  while (ratios.length < mostSeries && !ratios.some((ratio) => ratio <= mostTimes)) {
    const { floor, pillion, cpuRatio } = await measureExtensions(client, plan, 1.5);
    const [without, having] = [floor, pillion].map(({ cpuMicroseconds }) => cpuMicroseconds.toFixed(0));
    context.diagnostic(`CPU of an admission: ${without} µs without, ${having} µs with them, ${cpuRatio.toFixed(3)} ×`);
    ratios.push(cpuRatio);
  }
  assert.ok(Math.min(...ratios) <= mostTimes, `${ratios.join(', ')} times the CPU, at most ${mostTimes}`);
});
