// Answers: how far is the core from the conformance data. The shortest road, for work on the core: admit() itself.
//   node test/conformance/direct.ts [-a] [part of a name …]     -a: all differences instead of the first five
import { pathToFileURL } from 'node:url';
import { admit } from '../../src/core/admit.ts';
import type { Facts } from '../../src/core/model/facts.ts';
import { problemLine } from '../../src/core/model/problem.ts';
import type { Review } from '../../src/core/model/review.ts';
import { type Case, cases, namespaceOf, skipReason } from './cases.ts';
import { type Answer, judge } from './judge.ts';
import { factsOf } from './sources.ts';

/** The request as the webhook would read it. */
export function reviewOf(one: Case): Review {
  return {
    apiVersion: 'admission.k8s.io/v1',
    uid: one.name,
    namespace: namespaceOf(one),
    operation: 'CREATE',
    dryRun: false,
    object: one.input,
    path: '/inject',
  };
}

/** What admit() answers. */
export function answerDirectly(one: Case, facts: Facts): Answer {
  const verdict = admit(reviewOf(one), facts);
  if (verdict.kind === 'inject') return { kind: 'patch', patch: verdict.patch };
  if (verdict.kind === 'skip') return { kind: 'skip' };
  if (verdict.kind === 'deliver') throw new Error('a conformance case asks for no modules');
  return { kind: 'deny', message: verdict.problems.map(problemLine).join('; ') };
}

async function main(argv: readonly string[]): Promise<void> {
  const isComplete = argv.includes('-a');
  const parts = argv.filter((argument) => !argument.startsWith('-'));
  let equal = 0;
  const chosen = cases.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)));
  for (const one of chosen) {
    const lines = await linesOf(one);
    if (lines.length === 0) equal += 1;
    const more = lines.length > 5 && !isComplete ? [`… and ${lines.length - 5} more`] : [];
    const told = [lines.length === 0 ? 'equal' : 'DIFFERENT', ...lines.slice(0, isComplete ? undefined : 5), ...more];
    process.stdout.write(`${one.name}: ${told.join('\n    ')}\n`);
  }
  process.stdout.write(skipReason ? `${skipReason}\n` : `${equal} of ${chosen.length} as expected\n`);
}

async function linesOf(one: Case): Promise<readonly string[]> {
  try {
    return judge(one, answerDirectly(one, await factsOf(one)));
  } catch (error) {
    return [`threw ${error instanceof Error ? error.stack : String(error)}`];
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv.slice(2));
