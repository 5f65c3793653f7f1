// Answers: how does a command print for people, or one object for machines: its option -o.
// Does not belong here: the formats of documents (outputs.ts).
import { type OptionRow, type OptionValues, textOf } from './command.ts';

export const outputOption: OptionRow = {
  name: 'output',
  short: 'o',
  value: 'FORMAT',
  choices: ['text', 'json'],
  fallback: 'text',
  doc: 'What to print: text for people, or one JSON object.',
};

export function isJson(options: OptionValues): boolean {
  return textOf(options, 'output') === 'json';
}
