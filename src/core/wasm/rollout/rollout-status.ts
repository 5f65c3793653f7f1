// Answers: what stands in the status of an extension, by how far it is on its road: revisions (next-revisions.ts),
// conditions (conditions.ts), and counts.
// Does not belong here: the road (rollout.ts), what is kept of it (extension.ts).
import type { JsonObject } from '../../model/json.ts';
import type { Revision, Standing } from '../extension.ts';
import type { Refusal } from '../refusals.ts';
import { conditionsOf, shortDigest, unreadConditions } from './conditions.ts';
import { nextRevisions } from './next-revisions.ts';
import type { Distribution } from './observed-nodes.ts';
import type { Road } from './rollout.ts';
import type { RolloutInput } from './rollout-input.ts';

export interface StatusInput {
  readonly rollout: RolloutInput;
  readonly road: Road;
  /** `status.pods`, by what runs after this: as it is declared now, or as it was when it was switched on. */
  readonly pods: (active: Revision | undefined, by: 'declared' | 'running') => JsonObject;
  /** RFC 3339. */
  readonly now: string;
}

/** The status as it should be now. Its own input again gives the same. */
export function nextStanding({ rollout, road, pods, now }: StatusInput): Standing {
  const { extension, standing } = rollout;
  const revisions = nextRevisions(rollout, road);
  const isOn = road.verdicts.get('Ready')?.kind === 'done';
  const counts = pods(revisions.active, isOn || rollout.running === undefined ? 'declared' : 'running');
  const next = counted({ observedGeneration: extension.generation, ...revisions }, counts, road.distribution);
  return { ...next, conditions: conditionsOf(rollout, road, next, { before: standing.conditions ?? [], now }) };
}

/** With the counts, for machines and for the columns of `kubectl get`. */
function counted(standing: Standing, pods: JsonObject, distribution: Distribution | undefined): Standing {
  const { active } = standing;
  const nodes = distribution?.nodes;
  return {
    ...standing,
    ...(nodes !== undefined && { nodes }),
    pods,
    shown: {
      digest: active === undefined ? '' : shortDigest(active),
      nodes: nodes === undefined ? '' : `${nodes.ready}/${nodes.wanted}`,
      pods: `${pods['delivered']}/${pods['selected']}`,
    },
  };
}

export interface UnreadInput {
  readonly standing: Standing;
  readonly generation: number;
  /** Why it cannot be read. */
  readonly refused: Refusal;
  /** Of what runs; undefined where the status does not tell by which declaration. */
  readonly counts:
    | { readonly pods: JsonObject; readonly distribution: Distribution | undefined; readonly notRestored?: Refusal }
    | undefined;
  /** RFC 3339. */
  readonly now: string;
}

/** The status of a declaration that cannot be read. What runs, runs on. */
export function refusedStanding({ standing, generation, refused, counts, now }: UnreadInput): Standing {
  const { candidate: _, ...before } = standing;
  const { nodes: __, ...uncounted } = before;
  const others = counts === undefined ? before : counted(uncounted, counts.pods, counts.distribution);
  const stamp = { before: standing.conditions ?? [], now, generation };
  const { active } = standing;
  const why = { refused, ready: counts?.notRestored ?? refused, ...(active && { active }) };
  return { ...others, observedGeneration: generation, conditions: unreadConditions(why, stamp) };
}
