// Answers: how much processor time and memory has a process used, as Linux counts it. Processor time does not depend on
// what else runs on the machine, as latencies do.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './quantiles.ts';

/** Nanoseconds that all threads of the process have run: first field of schedstat (Linux, sched-stats). */
export function cpuNanoseconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    0,
  );
}

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

const samples = 10;
const sampleEveryMs = 100;

/** Median of ten samples over a second: the garbage collector lets it go up and down. */
export async function medianResidentBytes(pid: number): Promise<number> {
  const found: number[] = [];
  for (let index = 0; index < samples; index += 1) {
    found.push(residentBytes(pid));
    await sleep(sampleEveryMs);
  }
  return median(found);
}
