// Answers: how far is a transfer. A bar on standard error, for a person who looks at a terminal and for nobody else.
import type { Registry } from '../../edge/registry/registry.ts';
import type { Io, OptionValues } from '../command.ts';
import { isJson } from '../text-or-json.ts';
import { sizeText } from './sizes.ts';

export interface ProgressBar {
  /** Bytes so far, and of all. */
  update(doneBytes: number, totalBytes: number): void;
  /** Takes the bar away. */
  end(): void;
}

const silent: ProgressBar = { update: () => undefined, end: () => undefined };
const redrawMs = 50;
const widestBar = 40;
const clearLine = '\r\u001b[K';

/** A bar with a label before it; one that is never seen where nobody looks. */
export function progressBar(io: Io, options: OptionValues, label: string): ProgressBar {
  if (io.stderr.isTTY !== true || io.env['TERM'] === 'dumb' || isJson(options)) return silent;
  let last = 0;
  return {
    update: (doneBytes, totalBytes) => {
      const now = performance.now();
      if (now - last < redrawMs && doneBytes < totalBytes) return;
      last = now;
      io.stderr.write(`${clearLine}${barLine(label, doneBytes, totalBytes, io.stderr.columns || 80)}`);
    },
    end: () => {
      if (last !== 0) io.stderr.write(clearLine);
    },
  };
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** `Pulling team/filter  ███████▌        47 %  8.1 of 17.4 MB`, in at most that many characters. */
export function barLine(label: string, doneBytes: number, totalBytes: number, width: number): string {
  const share = totalBytes > 0 ? Math.min(doneBytes / totalBytes, 1) : 1;
  const numbers = `${String(Math.floor(share * 100)).padStart(3)} %  ${sizeText(doneBytes)} of ${sizeText(totalBytes)}`;
  const room = width - label.length - numbers.length - 5;
  if (room < 8) return `${label} ${numbers}`.slice(0, Math.max(width - 1, 0));
  const cells = Math.min(room, widestBar);
  const filled = share * cells;
  const bar = '█'.repeat(Math.floor(filled)) + (eighths[Math.floor((filled % 1) * 8)] ?? '');
  return `${label}  ${bar.padEnd(cells)}  ${numbers}`;
}

/** The same registry, which tells of the bytes of every blob as they arrive. */
export function watched(registry: Registry, bar: ProgressBar): Registry {
  return {
    ...registry,
    blob: async (image, descriptor, signal) => {
      const found = await registry.blob(image, descriptor, signal);
      return found.ok ? { ok: true, value: counted(found.value, descriptor.sizeBytes, bar) } : found;
    },
  };
}

async function* counted(chunks: AsyncIterable<Uint8Array>, totalBytes: number, bar: ProgressBar) {
  let doneBytes = 0;
  bar.update(0, totalBytes);
  for await (const chunk of chunks) {
    doneBytes += chunk.length;
    bar.update(doneBytes, totalBytes);
    yield chunk;
  }
}
