// Answers: what is shown of a run: each test when it ends, with its time, then the failures, then the totals.
import { finished } from 'node:stream/promises';
import { spec } from 'node:test/reporters';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Report {
  /** Shows the tests of what node:test's run() gives; resolves when all of them have ended. */
  follow(tests: AsyncIterable<unknown>): Promise<void>;
  /** Counts something that is no test, and went wrong. */
  fail(what: string, error: unknown): void;
  note(text: string): void;
  /** Shows the failures once more, the notes, and the totals as the last line: `N passed, N failed, N skipped`. */
  finish(notes?: readonly string[]): Promise<Totals>;
}

interface Event {
  readonly type: string;
  readonly data: EventData;
}

interface EventData {
  readonly name?: string;
  readonly nesting?: number;
  readonly skip?: string | boolean;
  readonly details?: { readonly passed?: boolean; readonly type?: string; readonly error?: unknown };
  /** On what a file's process reports; not on what is reported of the file itself. */
  readonly entryFile?: string;
}

/**
 * The reporter `spec` shows tests in the order in which they are written down. Here a test is shown when it has ended:
 * its end (`test:complete`) is passed on as its result, and the results that come in order are left out.
 */
export function createReport(output: NodeJS.WritableStream): Report {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const shown = new spec();
  shown.pipe(output, { end: false });
  const diagnose = (message: string, nesting = 0): void => {
    for (const line of message.split('\n')) shown.write({ type: 'test:diagnostic', data: { nesting, message: line } });
  };
  return {
    follow: async (tests) => {
      for await (const event of tests) {
        const passedOn = passOn(event as Event);
        if (passedOn === undefined) continue;
        shown.write(passedOn);
        const outcome = outcomeOf(passedOn);
        if (outcome !== undefined) totals[outcome] += 1;
        if (outcome === 'failed') diagnose(messageOf(passedOn.data.details?.error), (passedOn.data.nesting ?? 0) + 1);
      }
    },
    fail: (what, error) => {
      totals.failed += 1;
      shown.write({ type: 'test:fail', data: { name: what, nesting: 0, details: { duration_ms: 0, error } } });
      diagnose(messageOf(error), 1);
    },
    note: diagnose,
    finish: async (notes = []) => {
      shown.end(); // shows the failures once more, in full
      await finished(shown);
      const { passed, failed, skipped } = totals;
      const last = `${passed} passed, ${failed} failed, ${skipped} skipped`;
      output.write(['', ...notes, last, ''].join('\n'));
      return totals;
    },
  };
}

/** The event as it is shown; undefined where it is not. */
function passOn(event: Event): Event | undefined {
  const { type, data } = event;
  const isOfFile = data.entryFile === undefined; // the process of a file ended badly, or said something
  switch (type) {
    case 'test:complete':
      return isOfFile ? undefined : { type: data.details?.passed ? 'test:pass' : 'test:fail', data };
    case 'test:pass':
    case 'test:fail':
      return isOfFile ? event : undefined;
    case 'test:stdout':
    case 'test:stderr':
      return event;
    case 'test:diagnostic':
      return isOfFile ? undefined : event; // not the totals of a run that is only a part
    default:
      return undefined;
  }
}

function outcomeOf({ type, data }: Event): keyof Totals | undefined {
  if (data.details?.type === 'suite') return undefined;
  if (type === 'test:fail') return 'failed';
  if (type !== 'test:pass') return undefined;
  return data.skip === undefined ? 'passed' : 'skipped';
}

/** Of what the test threw, not of the error of the runner that it is the cause of. */
function messageOf(error: unknown): string {
  const thrown = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
