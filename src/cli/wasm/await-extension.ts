// Answers: how does an extension get on, and when is it ready or refused. Asks every half second and tells of every
// condition that changed.
import { resources } from '../../core/cluster/resources.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { standingOf } from '../../core/wasm/declaration/read-extension.ts';
import { type Condition, conditionTypes, type Standing } from '../../core/wasm/extension.ts';
import { resolveAnnotation } from '../../core/wasm/names.ts';
import { type RefusalReason, refusals } from '../../core/wasm/refusals.ts';
import type { Kube } from '../../edge/kube/client.ts';
import { KubeError } from '../../edge/kube/kube-error.ts';
import { pause } from '../../edge/pause.ts';
import { exitCodes, type Io, UsageError } from '../command.ts';
import { harmless, paint, type Terminal, terminalOf, wrap } from '../terminal.ts';
import { shortDigest } from './sizes.ts';

const intervalMs = 500;
/** A tag that is to be resolved anew changes nothing by which its conditions could be told from those before: so long they do not count. */
const settleMs = 3_000;
/** SGR colours: https://en.wikipedia.org/wiki/ANSI_escape_code#Colors */
const looks = {
  done: { mark: '✓', colour: 32 },
  refused: { mark: '✗', colour: 31 },
  waits: { mark: '…', colour: 33 },
} as const;

export interface Awaited {
  readonly io: Io;
  readonly kube: Kube;
  readonly namespace: string;
  readonly name: string;
  readonly timeoutMs: number;
}

/** Returns the exit code: done once it is ready, denied once it is refused. Throws UsageError where time is up. */
export async function awaitExtension({ io, kube, namespace, name, timeoutMs }: Awaited): Promise<number> {
  const signal = AbortSignal.timeout(timeoutMs);
  const settled = AbortSignal.timeout(settleMs);
  const terminal = terminalOf(io);
  const told = new Map<string, string>();
  let last: Standing = {};
  for (;;) {
    const object = await read(kube, namespace, name);
    if (object !== undefined) {
      last = standingOf(object);
      const fresh = isAnswered(object) || settled.aborted ? freshConditions(object) : [];
      for (const condition of reached(fresh)) tellOnce(io, terminal, condition, told);
      const end = endOf(fresh, isAnswered(object));
      if (end !== undefined) return tellEnd(io, name, last, end);
    }
    if (signal.aborted) throw new UsageError(timeIsUp(name, namespace, timeoutMs, last));
    await pause(intervalMs, signal);
  }
}

/** Undefined while the API server does not answer: it comes back, or time is up. */
async function read(kube: Kube, namespace: string, name: string): Promise<KubeObject | undefined> {
  try {
    const found = await kube.get(resources.wasmExtensions, name, namespace);
    if (found === undefined) throw new UsageError(`Cannot wait for ${name}: somebody has removed it; deploy it again`);
    return found;
  } catch (error) {
    if (error instanceof KubeError && error.isRetryable) return undefined;
    throw error;
  }
}

/** Those of the declaration as it is now, in the order of the road. */
function freshConditions(object: KubeObject): readonly Condition[] {
  const { conditions = [] } = standingOf(object);
  const generation = object.metadata.generation ?? 0;
  return conditionTypes.flatMap((type) =>
    conditions.filter((one) => one.type === type && (one.observedGeneration ?? 0) >= generation),
  );
}

/** Whether what runs, or is on its way, was resolved for the last time that it was asked for. */
function isAnswered(object: KubeObject): boolean {
  const asked = object.metadata.annotations?.[resolveAnnotation];
  return asked === undefined || standingOf(object).resolvedFor === asked;
}

/** Those behind the first that is not met only wait for it. */
function reached(conditions: readonly Condition[]): readonly Condition[] {
  const open = conditions.findIndex(({ status }) => status !== 'True');
  return open < 0 ? conditions : conditions.slice(0, open + 1);
}

/** The condition that ends the wait: ready, or refused for something that does not mend itself. */
function endOf(conditions: readonly Condition[], isResolved: boolean): Condition | undefined {
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return isResolved ? ready : undefined;
  return conditions.find(({ status, reason }) => status === 'False' && !mayPass(reason));
}

/** What the one who declared or published has to mend does not pass while somebody waits. */
function mayPass(reason: Condition['reason']): boolean {
  if (!isRefusal(reason)) return true;
  const { passes, fault } = refusals[reason];
  return passes && (fault === 'registry' || fault === 'cluster');
}

function isRefusal(reason: string): reason is RefusalReason {
  return Object.hasOwn(refusals, reason);
}

function lookOf({ status, reason }: Condition): (typeof looks)[keyof typeof looks] {
  if (status === 'True') return looks.done;
  return status === 'False' && !mayPass(reason) ? looks.refused : looks.waits;
}

function tellOnce(io: Io, terminal: Terminal, condition: Condition, told: Map<string, string>): void {
  const { type, status, reason, message } = condition;
  const text = `${status} ${reason} ${message}`;
  if (told.get(type) === text) return;
  told.set(type, text);
  const column = Math.max(...conditionTypes.map((one) => one.length)) + 2;
  const refused = isRefusal(reason) ? reason : undefined;
  const because = refused === undefined ? message || (status === 'True' ? '' : reason) : `${message} (${refused})`;
  const [first = '', ...rest] = wrap(harmless(because), terminal.width - column - 4);
  const indent = ' '.repeat(column + 4);
  const { mark, colour } = lookOf(condition);
  const lines = [
    `  ${paint(mark, colour, terminal)} ${type.padEnd(column)}${first}`.trimEnd(),
    ...rest.map((line) => indent + line),
  ];
  io.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

function tellEnd(io: Io, name: string, { active }: Standing, end: Condition): number {
  if (end.status === 'True') {
    const runs = active === undefined ? '' : `: module ${shortDigest(active.moduleDigest)} of ${active.reference}`;
    io.stdout.write(`${name} is ready${runs}\n`);
    return exitCodes.done;
  }
  const stays = active === undefined ? 'no proxy gets it' : `proxies keep ${shortDigest(active.moduleDigest)}`;
  io.stderr.write(`Cannot deploy ${name}: it was refused (${end.reason}); ${stays}\n`);
  return exitCodes.denied;
}

function timeIsUp(name: string, namespace: string, timeoutMs: number, { conditions = [] }: Standing): string {
  const open = conditions.find(({ status }) => status !== 'True');
  const state =
    conditions.length === 0
      ? 'nobody has looked at it; "pillion doctor" tells whether pillion control works'
      : `it waits for ${open?.type ?? 'Ready'} (${open?.reason ?? 'Waiting'}); see kubectl describe wasmextension -n ${namespace} ${name}`;
  return `Cannot finish: after ${timeoutMs / 1000} s, ${name} is not ready; ${state}`;
}
