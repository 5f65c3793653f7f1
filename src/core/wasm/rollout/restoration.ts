// Answers: what has to be written so that what runs is as it was switched on, while something else is declared that is
// refused, waits or cannot be read: its own configuration and pods, and the ways that its namespace allows now.
// Does not belong here: what is declared (rollout.ts).
import { ok, type Result } from '../../model/problem.ts';
import type { Refusal } from '../refusals.ts';
import { denial } from '../signature/trusts.ts';
import { emittedObjects } from './emitted.ts';
import { type EmittedChange, emittedChange } from './emitted-change.ts';
import { type Distribution, distributionOf } from './observed-nodes.ts';
import type { RolloutInput } from './rollout-input.ts';

export type RestorationInput = Pick<RolloutInput, 'standing' | 'attempt' | 'running' | 'wasm' | 'objects' | 'nodes'>;

/**
 * @returns undefined where nothing is to be done, or can be: where nothing runs, or no way is left to its pods. What is
 * denied by now is left as it is
 */
export function restoration({
  standing: { active },
  attempt: { notRestored },
  running,
  wasm,
  objects,
}: RestorationInput): Result<EmittedChange | undefined, Refusal> {
  if (active === undefined || running?.ways.ok !== true) return ok(undefined);
  const { moduleDigest, layerDigest, manifestDigest, indexDigest } = active;
  if (denial(wasm, [moduleDigest, layerDigest, manifestDigest, indexDigest]) !== undefined) return ok(undefined);
  const { extension, ways } = running;
  const change = emittedChange(emittedObjects(extension, active, ways.value), objects, extension);
  return change.ok && change.value !== undefined && notRestored !== undefined
    ? { ok: false, error: notRestored }
    : change;
}

/** What nodes say about the module that runs; undefined where they are not asked for it. */
export function runningDistribution({ standing, running, nodes }: RestorationInput): Distribution | undefined {
  if (standing.active === undefined || running?.ways.ok !== true) return undefined;
  const isStored = running.ways.value.some(({ delivery }) => delivery === 'node-store');
  return isStored ? distributionOf(standing.active.moduleDigest, nodes, running.nodesOfPods) : undefined;
}
