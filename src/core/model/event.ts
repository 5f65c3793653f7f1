// Answers: what does an Event say that we leave in a cluster, and about which object.
// Does not belong here: which verdicts are worth one (core/decide/notice.ts), sending them (edge/kube/events.ts).

/** What names an object of the cluster. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent on objects of the whole cluster. */
  readonly namespace?: string;
  readonly uid?: string;
}

export interface EventDraft {
  readonly regarding: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase: what people filter by. */
  readonly reason: string;
  /** What was being done, in CamelCase. */
  readonly action: string;
  /** For a person; cut after 1024 characters. */
  readonly note: string;
}
