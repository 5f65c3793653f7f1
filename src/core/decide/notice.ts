// Answers: which verdicts are told to somebody, and how: to the creator of the pod in a warning, to those who look after
// the workload in an Event on the object that owns the pod. Told is what asked for a sidecar and comes without, and a pod that
// is to end and, because of its sidecar, never will.
// Does not belong here: sending (edge/kube/events.ts), how the response is printed (core/review.ts).
import type { EventDraft, ObjectReference } from '../model/event.ts';
import type { Facts, RegistrationFacts } from '../model/facts.ts';
import { isObject } from '../model/json.ts';
import { type Metadata, type Pod, proxyContainerName, type StringMap } from '../model/pod.ts';
import { annotationPath, problemLine } from '../model/problem.ts';
import type { Review } from '../model/review.ts';
import {
  type Denied,
  type Injected,
  type ReasonRow,
  reasons,
  type Skipped,
  type SkipReason,
  type Verdict,
} from '../model/verdict.ts';
import { annotations as catalogue, labels as labelCatalogue } from '../settings/catalogue.ts';

type Marks = Pick<Metadata, 'labels' | 'annotations'>;

/** What a pod says of its own injection; the label hides the annotation. */
type Choice = 'yes' | 'no' | 'none' | 'unreadable';

const choices: Readonly<Record<string, Choice>> = { true: 'yes', false: 'no', '': 'none' };
const none: StringMap = {};

function choiceOf({ labels = none, annotations = none }: Marks): Choice {
  const value = labels[labelCatalogue.inject.key] ?? annotations[catalogue.inject.key] ?? '';
  return Object.hasOwn(choices, value) ? (choices[value] as Choice) : 'unreadable';
}

/** One line where the pod's own word on injection is none that counts; else nothing. */
export function choiceWarning(marks: Marks): readonly string[] {
  if (choiceOf(marks) !== 'unreadable') return [];
  const { key } = labelCatalogue.inject;
  const label = marks.labels?.[key];
  const [path, value] =
    label === undefined ? [annotationPath(key), marks.annotations?.[key]] : [`metadata.labels["${key}"]`, label];
  return [problemLine({ path, value, expected: 'must be "true" or "false"; as it stands it does not count' })];
}

/**
 * The line for a skip that nobody asked for; undefined where the pod said no, or where neither it nor its namespace said
 * anything. The registration calls us only for those that ask, unless it asks for all namespaces by itself.
 */
export function skipNotice(
  reason: SkipReason,
  marks: Marks,
  { namespacesByDefault }: Pick<RegistrationFacts, 'namespacesByDefault'>,
): string | undefined {
  const { tells, doc, remedy }: ReasonRow = reasons[reason];
  const choice = choiceOf(marks);
  const isMeant = tells === 'warning' && choice !== 'no' && (choice !== 'none' || !namespacesByDefault);
  const isMistyped = reason === 'policy-disabled' && choice === 'unreadable';
  return isMeant || isMistyped ? `No sidecar is injected (${reason}): ${doc} ${remedy}` : undefined;
}

/**
 * The line for an injected pod that is to end and by itself never will: its proxy is a container like its own. Undefined
 * where that is not so, and where nobody says whether somebody ends such proxies.
 */
export function endlessNotice({ spec }: Pod, { jobCompletion }: Pick<Facts, 'jobCompletion'>): string | undefined {
  const { restartPolicy = 'Always', containers = [] } = spec;
  if (jobCompletion !== false || restartPolicy === 'Always') return undefined;
  if (containers.length < 2 || !containers.some(({ name }) => name === proxyContainerName)) return undefined;
  return 'The pod never completes by itself: its sidecar is a plain one, and runs on when its containers have ended, unless one of them asks it to quit. Set the option jobCompletion of Pillion, or make native sidecars possible: "pillion why" tells what is in their way.';
}

/**
 * The Event on the object that controls the pod, where the verdict is worth one and the pod has an owner: whoever creates
 * a pod by hand reads the answer. Nothing on a dry run. Holds no value of the pod, which may be a secret.
 */
export function eventOf(review: Review, verdict: Verdict): EventDraft | undefined {
  if (review.dryRun) return undefined;
  if (verdict.kind === 'deliver') return undefined;
  const told = verdict.kind === 'deny' ? denialEvent(verdict) : noticeEvent(verdict);
  if (told === undefined) return undefined;
  const regarding = ownerOf(review);
  return regarding && { regarding, type: 'Warning', action: 'Inject', ...told };
}

type Told = Pick<EventDraft, 'reason' | 'note'> | undefined;

function noticeEvent({ kind, notice }: Skipped | Injected): Told {
  if (notice === undefined) return undefined;
  return { reason: kind === 'skip' ? 'SidecarSkipped' : 'SidecarNeverEnds', note: notice };
}

function denialEvent({ reason, problems }: Denied): Told {
  const { tells, doc, remedy }: ReasonRow = reasons[reason];
  if (tells === undefined) return undefined;
  const places = [...new Set(problems.map(({ path }) => path))].join(', ');
  return { reason: 'SidecarDenied', note: `The pod is denied (${reason}): ${places}. ${doc} ${remedy}` };
}

/** Longer ones are no names; they would be kept in memory. */
const longest = { apiVersion: 317, kind: 63, name: 253, uid: 63 } as const;

function ownerOf({ object, namespace }: Review): ObjectReference | undefined {
  const metadata = isObject(object) ? object['metadata'] : undefined;
  const owners = isObject(metadata) ? metadata['ownerReferences'] : undefined;
  const owner: unknown = Array.isArray(owners)
    ? owners.find((one) => isObject(one) && one['controller'] === true)
    : undefined;
  if (!isObject(owner)) return undefined;
  const { apiVersion, kind, name, uid } = owner;
  const isName = (value: unknown, most: number): value is string =>
    typeof value === 'string' && value !== '' && value.length <= most;
  if (!isName(apiVersion, longest.apiVersion) || !isName(kind, longest.kind)) return undefined;
  if (!isName(name, longest.name) || !isName(uid, longest.uid)) return undefined;
  // a node owns its mirror pods, and has no namespace
  return kind === 'Node' ? undefined : { apiVersion, kind, name, namespace, uid };
}
