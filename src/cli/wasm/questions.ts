// Answers: how is a person asked on a terminal.
import { type Io, UsageError } from '../command.ts';
import { bold, terminalOf } from '../terminal.ts';

interface Choice<T extends string> {
  readonly name: T;
  readonly title: string;
  readonly doc: string;
}

const mostTries = 3;

/** A text; the suggestion where the person just presses Enter. */
export async function askForName(io: Io, what: string, suggestion: string): Promise<string> {
  io.stdout.write(`${bold(what, terminalOf(io))} [${suggestion}]: `);
  return (await readLine(io)) || suggestion;
}

/**
 * One of the choices, by its number or its name; the first where the person just presses Enter.
 * @param read takes what was written; throws UsageError where it is none of them
 */
export async function askForOne<T extends string>(
  io: Io,
  what: string,
  choices: readonly Choice<T>[],
  read: (text: string) => T,
): Promise<T> {
  const column = Math.max(...choices.map(({ title }) => title.length)) + 2;
  io.stdout.write(`${bold(what, terminalOf(io))}\n`);
  for (const [at, { title, doc }] of choices.entries()) io.stdout.write(`  ${at + 1}) ${title.padEnd(column)}${doc}\n`);
  for (let tries = 1; ; tries += 1) {
    io.stdout.write('Number or name [1]: ');
    const answer = await readLine(io);
    const chosen = choices[answer === '' ? 0 : Number(answer) - 1];
    if (chosen !== undefined) return chosen.name;
    try {
      return read(answer);
    } catch (error) {
      if (!(error instanceof UsageError) || tries === mostTries) throw error;
      io.stdout.write(`${error.message}\n`);
    }
  }
}

/** The one reader of a stream, and what it read beyond the last line: a paste holds several. */
interface Reader {
  readonly chunks: AsyncIterator<Uint8Array | string>;
  rest: string;
}

const readers = new WeakMap<object, Reader>();

/** The next line. Throws where the input ends: whoever closes it does not want to go on. */
async function readLine({ stdin, stdout }: Io): Promise<string> {
  const reader = readers.get(stdin) ?? { chunks: stdin[Symbol.asyncIterator](), rest: '' };
  readers.set(stdin, reader);
  while (!reader.rest.includes('\n')) {
    const { done, value } = await reader.chunks.next();
    if (done) {
      stdout.write('\n'); // the question's line has no end yet
      throw new UsageError('Cannot go on: nobody answers; say it on the command line, see --help');
    }
    reader.rest += String(value);
  }
  const end = reader.rest.indexOf('\n');
  const line = reader.rest.slice(0, end);
  reader.rest = reader.rest.slice(end + 1);
  return line.replace(/\r$/, '').trim();
}
