// Answers: how does the controller run, from its options to its exit code. Of several replicas one holds the Lease and
// works; the others are ready and idle.
// Does not belong here: what is kept as it should be (upkeep.ts); the command line (cli/control.ts).
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import manifest from '../../package.json' with { type: 'json' };
import { names, ownNamespace } from '../core/cluster/names.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import { type ControlTelemetry, createControlTelemetry } from '../edge/control-telemetry.ts';
import { connect, type Kube, type KubeOptions } from '../edge/kube/client.ts';
import { createEventRecorder, type EventRecorder } from '../edge/kube/events.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { holdLease } from '../edge/kube/lease.ts';
import { type Address, listen, readAddress } from '../edge/listen-address.ts';
import { createLog, logLevels, openLogOutput } from '../edge/log.ts';
import { type Condition, createManagement } from '../edge/management.ts';
import { createJobCompletion } from './job-completion.ts';
import { listenForStop } from './lifecycle.ts';
import { type Loop, startLoop } from './loop.ts';
import type { ServeHooks, ServeIo } from './serve.ts';
import { createUpkeep } from './upkeep.ts';
import { openWakeUps } from './wake-ups.ts';
import { createWasmRollout } from './wasm-rollout.ts';

export interface ControlOptions {
  readonly cluster: KubeOptions;
  /** `host:port` or `:port`; port 0 takes one that is free. */
  readonly managementListen: string;
  /** One of `logLevels` (edge/log.ts). */
  readonly logLevel: string;
  /** `host:port` where the Service of the webhook is reached. */
  readonly serviceAddress: string;
}

/** For tests, and for what runs a controller inside its own process. */
export type ControlHooks = Pick<ServeHooks, 'signals' | 'output'>;

const done = 0;
const unusable = 2;

/**
 * Runs until SIGTERM or SIGINT, then gives up the Lease.
 * @returns the exit code: 0 after that; 2, with one line for each problem, where the options cannot be used
 */
export async function control(options: ControlOptions, io: ServeIo, hooks: ControlHooks = {}): Promise<number> {
  const { signals = process, output = openLogOutput() } = hooks;
  const stop = listenForStop(signals); // first, so that a signal during the start is not lost
  try {
    const prepared = prepare(options);
    if (!prepared.ok) {
      for (const line of prepared.error) io.stderr.write(`${line}\n`);
      return unusable;
    }
    const telemetry = createControlTelemetry(createLog(options.logLevel, output.stream), manifest.version);
    const state = createState();
    const management = createManagement({
      conditions: () => conditionsOf(state),
      printMetrics: telemetry.print,
      settings: () => state,
      failed: telemetry.failed,
    });
    const address = await listen(management, prepared.value.management, '--management-listen');
    if (!address.ok) {
      io.stderr.write(`${address.error}\n`);
      return unusable;
    }
    telemetry.log.info({ managementUrl: `http://${address.value}` }, 'ready');
    await contend({ ...prepared.value, options, telemetry, state }, stop.asked);
    telemetry.log.info('stopped');
    management.close();
    management.closeAllConnections();
    return done;
  } finally {
    stop.release();
    await output.close();
  }
}

interface Prepared {
  readonly kube: Kube;
  readonly management: Address;
}

function prepare(options: ControlOptions): Result<Prepared, readonly string[]> {
  const management = readAddress(options.managementListen, '--management-listen');
  const service = readService(options.serviceAddress);
  const kube = tryConnect(options.cluster);
  const level = logLevels.includes(options.logLevel)
    ? []
    : [
        `Cannot use --log-level ${quoted(options.logLevel)}: there is no such level; use one of ${logLevels.join(', ')}`,
      ];
  const problems = [management, service, kube].flatMap((one) => (one.ok ? [] : [one.error]));
  if (management.ok && kube.ok && problems.length + level.length === 0) {
    return ok({ kube: kube.value, management: management.value });
  }
  return fail([...problems, ...level]);
}

function readService(text: string): Result<Address, string> {
  const read = readAddress(text, '--service-address');
  if (!read.ok || read.value.host !== undefined) return read;
  return fail(`Cannot use --service-address ${quoted(text)}: it names no host; write host:port`);
}

function tryConnect(cluster: KubeOptions): Result<Kube, string> {
  try {
    return ok(connect(cluster));
  } catch (error) {
    if (error instanceof KubeError) return fail(error.message);
    throw error;
  }
}

/** What the management port tells. */
interface State {
  /** Since when this process leads. */
  leadsSince: string | undefined;
  lastSuccess: string | undefined;
  /** Why the last round failed; undefined where it did not. */
  failure: string | undefined;
  /** What is left undone, and why. */
  waitsFor: readonly string[];
  /** What keeps pods from being completed; undefined where nothing does, or nobody wants it. */
  jobCompletion: string | undefined;
  /** The same of Wasm extensions. */
  wasm: string | undefined;
}

function createState(): State {
  return {
    ...{ leadsSince: undefined, lastSuccess: undefined, failure: undefined, waitsFor: [] },
    ...{ jobCompletion: undefined, wasm: undefined },
  };
}

function conditionsOf(state: State): readonly Condition[] {
  const { leadsSince, lastSuccess, failure, waitsFor, jobCompletion, wasm } = state;
  const lease =
    leadsSince === undefined ? 'another process leads, or none yet' : `this process leads since ${leadsSince}`;
  if (leadsSince === undefined) return [{ name: 'lease', isMet: true, reason: lease }];
  const waiting = waitsFor.length === 0 ? '' : `; left undone: ${waitsFor.join('; ')}`;
  const reason = failure ?? (lastSuccess === undefined ? 'begins' : `last done at ${lastSuccess}`);
  return [
    { name: 'lease', isMet: true, reason: lease },
    { name: 'upkeep', isMet: failure === undefined, reason: `${reason}${waiting}` },
    ...(jobCompletion === undefined ? [] : [{ name: 'job-completion', isMet: false, reason: jobCompletion }]),
    ...(wasm === undefined ? [] : [{ name: 'wasm', isMet: false, reason: wasm }]),
  ];
}

interface Running extends Prepared {
  readonly options: ControlOptions;
  readonly telemetry: ControlTelemetry;
  readonly state: State;
}

/** Contends for the Lease and works while this process holds it, until somebody asks to stop. */
async function contend(running: Running, asked: Promise<void>): Promise<void> {
  const { kube, telemetry, state } = running;
  const { log } = telemetry;
  // the name of the pod is the name of its machine
  const identity = `${hostname()}_${randomBytes(4).toString('hex')}`;
  const events = createEventRecorder(kube, {
    reportingController: 'pillion.dev/control',
    reportingInstance: identity,
    dropped: telemetry.eventDropped,
    failed: telemetry.eventsFailed,
  });
  const ending = new AbortController();
  void asked.then(() => {
    log.info('stopping');
    ending.abort();
  });
  await holdLease(kube, {
    name: names.lease,
    namespace: ownNamespace,
    identity,
    gained: (signal) => lead(running, events, signal),
    lost: () => {
      Object.assign(state, createState());
      telemetry.leads(false);
      telemetry.certificates(undefined);
    },
    trouble: (error) => log.warn({ code: error.code, error: error.message }, 'the Lease cannot be asked for'),
    signal: ending.signal,
  });
  await events.close();
}

/** Resolves when the signal has aborted and nothing more is written. */
async function lead({ kube, options, telemetry, state }: Running, events: EventRecorder, signal: AbortSignal) {
  let loop: Loop | undefined;
  state.leadsSince = new Date().toISOString();
  telemetry.leads(true);
  const wakeUps = openWakeUps({
    kube,
    wake: () => loop?.wake(),
    trouble: (watch, { code, message }) => telemetry.log.warn({ watch, code, error: message }, 'watch in trouble'),
  });
  const jobCompletion = createJobCompletion({
    kube,
    telemetry,
    record: events.record,
    trouble: (reason) => {
      state.jobCompletion = reason;
      telemetry.jobCompletion.trouble(reason);
    },
  });
  const wasmRollout = createWasmRollout({
    kube,
    telemetry,
    record: events.record,
    trouble: (reason) => {
      state.wasm = reason;
      telemetry.wasm.trouble(reason);
    },
  });
  const upkeep = createUpkeep({
    kube,
    telemetry,
    wakeUps,
    useOptions: (inUse) => {
      jobCompletion.follow(inUse);
      wasmRollout.follow(inUse);
    },
    record: events.record,
    serviceAddress: options.serviceAddress,
    waits: (reasons) => {
      state.waitsFor = reasons;
    },
  });
  const succeeded = (): void => {
    state.failure = undefined;
    state.lastSuccess = new Date().toISOString();
    telemetry.succeeded();
  };
  const failed = (error: unknown, waitMs: number): void => {
    state.failure = error instanceof Error ? error.message : String(error);
    telemetry.roundFailed(error, waitMs);
  };
  // at once: a round can take long to end, and another process leads by then
  const close = (): Promise<unknown> => Promise.all([jobCompletion.close(), wasmRollout.close()]);
  signal.addEventListener('abort', () => void close());
  loop = startLoop({ ...upkeep, succeeded, failed }, signal);
  await loop.ended;
  await close();
  wakeUps.close();
}
