// Answers: how are facts about one thing laid out for people: names in one column, values in the next, what they mean
// behind or under them.
import { bold, harmless, paint, type Terminal, wrap } from '../terminal.ts';

/** Name, value, and what it means. */
export type Fact = readonly [name: string, value: string, meaning?: string];

const grey = 90;
const indent = '  ';

/** The title, and a line for each fact; a name that is that of the line before is left out. */
export function printFacts(title: string, written: readonly Fact[], terminal: Terminal): string {
  const facts = written.map(
    ([name, value, meaning]): Fact =>
      meaning === undefined ? [name, harmless(value)] : [name, harmless(value), harmless(meaning)],
  );
  const column = Math.max(...facts.map(([name]) => name.length)) + 2;
  const lines = facts.flatMap(([name, value, meaning], at) => {
    const shownName = (facts[at - 1]?.[0] === name ? '' : name).padEnd(column);
    return factLines(indent + shownName, value, meaning, terminal);
  });
  return `${[bold(harmless(title), terminal), ...lines].join('\n')}\n`;
}

function factLines(start: string, value: string, meaning: string | undefined, terminal: Terminal): string[] {
  const gap = ' '.repeat(start.length);
  const said = meaning === undefined ? '' : paint(meaning, grey, terminal);
  if (said !== '' && start.length + value.length + 2 + (meaning ?? '').length <= terminal.width)
    return [`${start}${value}  ${said}`];
  return [start + value, ...(said === '' ? [] : [gap + said])];
}

/** Room for the longest name. */
const nameRoom = 14;

/** Texts that may be longer than a line, under one name. */
export function sentences(name: string, texts: readonly string[], terminal: Terminal): Fact[] {
  return texts.flatMap((text) => wrap(text, terminal.width - nameRoom).map((line): Fact => [name, line]));
}
