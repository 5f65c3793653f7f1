// Answers: what does a person see while something takes its time: each step by name, with the seconds as they pass in a
// terminal, and plain lines where nobody looks on.
import { stripVTControlCharacters } from 'node:util';

export interface Steps {
  /** Shows the name while the work runs, and the time that it took. Several may run at once. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** A line, or several, that stay. */
  say(text: string): void;
}

type Output = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

const frameMs = 100;
const frames = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const nameWidth = 58;

/** Colour and a moving line only for a person. */
export function stepsOn(output: Output, environment: Readonly<Record<string, string | undefined>>): Steps {
  const isTerminal = output.isTTY === true && environment['TERM'] !== 'dumb';
  const hasColour = isTerminal && !environment['NO_COLOR'];
  const paint = (text: string, colour: number): string => (hasColour ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const running = new Map<symbol, { readonly name: string; readonly since: number }>();
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;

  const clear = (): void => void (isTerminal && output.write('\r\u001b[K'));
  const draw = (): void => {
    if (!isTerminal || running.size === 0) return;
    frame += 1;
    const texts = [...running.values()].map(({ name, since }) => `${name} ${seconds(since, 0)}`);
    const line = `${frames[frame % frames.length]} ${texts.join(' · ')}`;
    output.write(`\r\u001b[K${line.slice(0, (output.columns || 80) - 1)}`);
  };
  const say = (text: string): void => {
    clear();
    output.write(`${hasColour ? text : stripVTControlCharacters(text)}\n`);
    draw();
  };
  const end = (key: symbol, mark: string): void => {
    const one = running.get(key);
    running.delete(key);
    if (running.size === 0) clearInterval(timer);
    if (one !== undefined) say(`${mark} ${one.name.padEnd(nameWidth)} ${seconds(one.since, 1).padStart(7)}`);
  };

  return {
    say,
    async step(name, work) {
      const key = Symbol(name);
      if (running.size === 0 && isTerminal) timer = setInterval(draw, frameMs);
      running.set(key, { name, since: performance.now() });
      if (isTerminal) draw();
      else output.write(`… ${name}\n`);
      try {
        const result = await work();
        end(key, paint('✓', 32));
        return result;
      } catch (error) {
        end(key, paint('✗', 31));
        throw error;
      }
    },
  };
}

function seconds(since: number, digits: number): string {
  return `${((performance.now() - since) / 1000).toFixed(digits)} s`;
}

export function bold(text: string): string {
  return `\u001b[1m${text}\u001b[0m`;
}

export function dim(text: string): string {
  return `\u001b[2m${text}\u001b[0m`;
}
