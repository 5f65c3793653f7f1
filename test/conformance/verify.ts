// Answers: does the answer of a road pass, named differences taken into account.
import assert from 'node:assert/strict';
import { type Case, cases } from './cases.ts';
import { namedDifferences } from './differences.ts';
import { type Answer, judge } from './judge.ts';

/** Fails where the answer is not what the case expects. In a case with a named difference it has to differ. */
export function verify(one: Case, answer: Answer): void {
  const named = namedDifferences.find((difference) => difference.case === one.name);
  const lines = judge(one, answer);
  if (named === undefined) assert.deepEqual(lines, []);
  else
    assert.notEqual(lines.length, 0, `the difference "${named.name}" is not needed any more: remove it from the table`);
}

/** What the cases are, by what they expect: against a folder that is only half there. */
export function countCases(): { readonly pods: number; readonly denials: number; readonly skips: number } {
  const denials = cases.filter(({ expectedError }) => expectedError !== undefined).length;
  const skips = cases.filter(({ skipped }) => skipped === true).length;
  return { pods: cases.filter(({ expected }) => expected !== undefined).length, denials, skips };
}
