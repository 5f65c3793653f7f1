// Answers: how are the changes of an object shown on a terminal.
import type { Change } from '../core/install/change.ts';

const indent = '    ';

/** One line for each change; text of several lines as those that go and those that come. */
export function printChanges(changes: readonly Change[]): string {
  return changes.map((change) => `${indent}${changeText(change)}\n`).join('');
}

function changeText({ path, before, after }: Change): string {
  if (isLong(before) || isLong(after)) {
    const [was, is] = [linesOf(before), linesOf(after)];
    const lines = [
      ...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`),
      ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
    ];
    return [`${path}:`, ...lines.map((line) => `${indent}  ${line}`)].join('\n');
  }
  if (before === undefined) return `${path}: + ${JSON.stringify(after)}`;
  if (after === undefined) return `${path}: - ${JSON.stringify(before)}`;
  return `${path}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`;
}

function isLong(value: unknown): value is string {
  return typeof value === 'string' && value.includes('\n');
}

function linesOf(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split('\n').filter((line) => line !== '') : [];
}
