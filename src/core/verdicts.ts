// Answers: how are the verdicts made that change nothing.
import type { Problem } from './model/problem.ts';
import type { Denied, DenyReason, Skipped, SkipReason, TraceEntry } from './model/verdict.ts';

const noWarnings: readonly string[] = Object.freeze([]);

export function skip(reason: SkipReason, trace: readonly TraceEntry[], warnings = noWarnings): Skipped {
  return { kind: 'skip', reason, trace, warnings };
}

export function deny(
  reason: DenyReason,
  problems: readonly Problem[],
  trace: readonly TraceEntry[],
  warnings = noWarnings,
): Denied {
  return { kind: 'deny', reason, problems, trace, warnings };
}

/** The trace of a denial because of what somebody wrote. */
export function denied(gate: string): TraceEntry {
  return { gate, outcome: 'deny', because: 'has values that cannot be read' };
}
