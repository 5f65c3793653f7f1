// Answers: when does an admission leave an Event in the cluster. Beside the answer, which waits for nothing here.
// Does not belong here: which verdicts are worth one (core/decide/notice.ts), sending (events.ts).
import { eventOf } from '../../core/decide/notice.ts';
import type { Review } from '../../core/model/review.ts';
import type { Verdict } from '../../core/model/verdict.ts';
import type { EventRecorder } from './events.ts';

/** To be called once for each admission that is answered. */
export function createVerdictEvents(
  recorder: Pick<EventRecorder, 'record'>,
): (review: Review, verdict: Verdict) => void {
  return (review, verdict) => {
    const draft = eventOf(review, verdict);
    if (draft !== undefined) recorder.record(draft);
  };
}
