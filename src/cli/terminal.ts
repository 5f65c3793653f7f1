// Answers: how wide is what a person reads, may it be coloured, and how is text laid out in it.
import type { Io } from './command.ts';

export interface Terminal {
  /** In characters. */
  readonly width: number;
  readonly colour: boolean;
}

/** Colour only for a person, and not against NO_COLOR (https://no-color.org). */
export function terminalOf({ stdout, env }: Pick<Io, 'stdout' | 'env'>): Terminal {
  const colour = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return { width: Math.min(stdout.columns || 80, 100), colour }; // some terminals say that they have none
}

/** Lines of at most `width` characters, broken at spaces; a word that is longer keeps a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The text on one line, without what would steer the terminal: strangers wrote it. */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
}

export function paint(text: string, colour: number | undefined, terminal: Terminal): string {
  return terminal.colour && colour !== undefined && text !== '' ? `\u001b[${colour}m${text}\u001b[0m` : text;
}

export function bold(text: string, terminal: Terminal): string {
  return paint(text, 1, terminal);
}
