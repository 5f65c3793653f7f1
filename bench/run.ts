// Answers: what does an admission cost beside a server that does nothing.
//   make bench ARGS="[-o json] [--soak] [--quick]"
// Does not belong here: how it is measured (measure.ts), how it is printed (report.ts).
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions } from '../scripts/build.ts';
import { nodeFlags } from '../scripts/server-process.ts';
import { isPinned, startClient, startPillion } from './children.ts';
import { measureExtensions } from './extensions.ts';
import { compare, measureMemory, measurePatch, measureStart, type Plan, startSubjects } from './measure.ts';
import { printReport, type Report } from './report.ts';
import { reviewText } from './reviews.ts';

const { values: options } = parseArgs({
  options: {
    output: { type: 'string', short: 'o', default: 'table' },
    soak: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});

/** Most turns where the promise is: at 8 connections. */
const promised: Plan = options.quick
  ? { connections: 8, turns: 3, seconds: 1 }
  : { connections: 8, turns: 8, seconds: 2 };
const plans: readonly Plan[] = options.quick
  ? [promised]
  : [{ connections: 1, turns: 4, seconds: 2 }, promised, { connections: 64, turns: 4, seconds: 2 }];
const starts = options.quick ? 3 : 7;
const warmUpSeconds = options.quick ? 1 : 4;
const memoryAfter = options.soak ? [10_000, 100_000] : [10_000];

const source = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const bundle = fileURLToPath(new URL('../.cache/bench/pillion.mjs', import.meta.url));

async function measure(): Promise<Report> {
  const client = startClient();
  const pillion = await startPillion();
  try {
    const { answer, patch } = await measurePatch(pillion);
    const { subjects, stop } = await startSubjects(pillion, answer, client, warmUpSeconds);
    const comparisons = [];
    for (const plan of plans) comparisons.push(await compare(client, subjects, plan));
    stop();
    const extensions = await measureExtensions(client, promised, warmUpSeconds);
    await build({ ...bundleOptions, outfile: bundle });
    return {
      node: process.version,
      pinned: isPinned,
      review: { bytes: Buffer.byteLength(reviewText) },
      patch,
      comparisons,
      extensions,
      startMs: {
        sources: await measureStart([process.execPath, ...nodeFlags, source], starts),
        bundle: await measureStart([process.execPath, ...nodeFlags, bundle], starts),
      },
      memory: await measureMemory(client, memoryAfter),
    };
  } finally {
    client.stop();
    await pillion.stop();
  }
}

const report = await measure();
process.stdout.write(options.output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : printReport(report));
