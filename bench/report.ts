// Answers: how is what was measured shown to a person.
import { printTable } from '../src/cli/table.ts';
import { extensionCount, matchingCount } from './extensions.ts';
import type { Comparison, Memory, PatchSize, Slice } from './measure.ts';

export interface Report {
  readonly node: string;
  /** Server and client each have a core of their own. */
  readonly pinned: boolean;
  readonly review: { readonly bytes: number };
  readonly patch: PatchSize;
  readonly comparisons: readonly Comparison[];
  /** Of a server that knows Wasm extensions to one that knows none. */
  readonly extensions: Comparison;
  /** From the start of the process to its first answer. */
  readonly startMs: { readonly sources: number; readonly bundle: number };
  readonly memory: readonly Memory[];
}

const mebi = 1024 * 1024;

export function printReport(report: Report): string {
  const { node, pinned, review, patch, comparisons, extensions, startMs, memory } = report;
  const cores = pinned ? 'server and client each on a core of their own' : 'server and client share the cores';
  return [
    `Review of ${review.bytes} bytes → patch of ${patch.operations} operations, ${patch.bytes} bytes. Node ${node}, ${cores}.`,
    'Floor: the same listener and TLS, the body parsed, always the same patch. CPU of the server process, all threads.',
    '',
    printTable(
      ['CONNECTIONS', 'SERVER', 'CPU µs/REQUEST', 'p50 ms', 'p99 ms', 'REQUESTS/s', 'CPU TO FLOOR'],
      comparisons.flatMap(rows),
    ),
    `With ${extensionCount} Wasm extensions, of which ${matchingCount} match: ${extensions.pillion.cpuMicroseconds.toFixed(0)} µs a request, ${extensions.cpuRatio.toFixed(2)} × of what it costs without.`,
    `Start to first answer: ${startMs.sources.toFixed(0)} ms from the sources, ${startMs.bundle.toFixed(0)} ms bundled.`,
    '',
    printTable(
      ['AFTER REQUESTS', 'HEAP MiB', 'RESIDENT MiB'],
      memory.map(({ afterRequests, heapBytes, residentBytes }) => [
        String(afterRequests),
        (heapBytes / mebi).toFixed(1),
        (residentBytes / mebi).toFixed(1),
      ]),
    ),
    growth(memory),
  ].join('\n');
}

function rows({ connections, floor, pillion, cpuRatio }: Comparison): readonly (readonly string[])[] {
  return [
    [String(connections), 'floor', ...cells(floor), ''],
    [String(connections), 'pillion', ...cells(pillion), `${cpuRatio.toFixed(2)} ×`],
  ];
}

function cells({ cpuMicroseconds, p50Ms, p99Ms, requestsPerSecond }: Slice): readonly string[] {
  return [cpuMicroseconds.toFixed(0), p50Ms.toFixed(2), p99Ms.toFixed(2), requestsPerSecond.toFixed(0)];
}

function growth(memory: readonly Memory[]): string {
  const [first, last] = [memory[0], memory.at(-1)];
  if (first === undefined || last === undefined || first === last) return '';
  const percent = (field: 'heapBytes' | 'residentBytes'): string => {
    const change = (last[field] / first[field] - 1) * 100;
    return `${change < 0 ? '−' : '+'}${Math.abs(change).toFixed(1)} %`;
  };
  return `From ${first.afterRequests} to ${last.afterRequests} requests: heap ${percent('heapBytes')}, resident ${percent('residentBytes')}.\n`;
}
