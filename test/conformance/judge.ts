// Answers: is an answer what the conformance case expects. One judgement for every road.
// Does not belong here: how the answer was got.
import fastJsonPatch from 'fast-json-patch';
import type { Operation } from '../../src/core/model/verdict.ts';
import { type Case, deniedAnnotation } from './cases.ts';
import { differenceLine, differences } from './compare.ts';

/** What came back, whatever road it took. */
export type Answer =
  | { readonly kind: 'patch'; readonly patch: readonly Operation[] }
  | { readonly kind: 'skip' }
  | { readonly kind: 'deny'; readonly message: string };

/** What is not as the case expects, one line each; none where all is. */
export function judge(one: Case, answer: Answer): readonly string[] {
  if (one.expectedError !== undefined) return judgeDenial(one, answer);
  if (one.skipped) return answer.kind === 'skip' ? [] : [`expected no patch, got ${told(answer)}`];
  if (answer.kind !== 'patch') return [`expected a patch, got ${told(answer)}`];
  const document = structuredClone(one.input);
  const { newDocument } = fastJsonPatch.applyPatch(document, answer.patch as fastJsonPatch.Operation[], true);
  return differences(one.expected, newDocument).map(differenceLine);
}

function judgeDenial(one: Case, answer: Answer): readonly string[] {
  if (answer.kind !== 'deny') return [`expected a denial, got ${told(answer)}`];
  const { key, value } = deniedAnnotation(one);
  const missing = [key, value].filter((text) => !answer.message.includes(text));
  return missing.map((text) => `the denial does not name ${JSON.stringify(text)}: ${answer.message}`);
}

function told(answer: Answer): string {
  return answer.kind === 'deny' ? `the denial "${answer.message}"` : `a ${answer.kind}`;
}
