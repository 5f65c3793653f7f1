// Answers: what is counted and logged when something happens. What is said of an admission comes from its verdict alone.
// Does not belong here: which metrics there are (metrics.ts), what a line says (decision-log.ts), how it gets out (log.ts).
import { type Delivery, deliveryReasons } from '../core/model/delivered.ts';
import type { Review } from '../core/model/review.ts';
import { nativeReasons, type Reason, reasons, type Verdict } from '../core/model/verdict.ts';
import { createDecisionLog, decisionFields } from './decision-log.ts';
import { type EventDropReason, eventDropReasons } from './kube/events.ts';
import type { KubeError } from './kube/kube-error.ts';
import type { WatchState } from './kube/named-watch.ts';
import { watchNames } from './kube/watch-names.ts';
import type { DestinationStream, Logger } from './log.ts';
import { createMetrics, errorStatuses, type Metrics } from './metrics.ts';
import type { Certificate } from './tls.ts';

/** What an answer needs; see answer.ts. */
export interface AdmissionTelemetry {
  /** A review was decided, in so many seconds. */
  decided(review: Review, verdict: Verdict, seconds: number): void;
  /** A request was answered with an HTTP error, because it was no review. */
  refused(status: number, message: string): void;
  /** Something of ours is broken. */
  failed(error: unknown): void;
}

/** What becomes of Events; the same in each role. */
export interface EventTelemetry {
  eventDropped(why: EventDropReason): void;
  /** The API server takes none. */
  eventsFailed(error: KubeError): void;
}

export interface Telemetry extends AdmissionTelemetry, EventTelemetry {
  readonly log: Logger;
  handshakeFailed(error: Error): void;
  certificateInUse(certificate: Pick<Certificate, 'notAfter' | 'fingerprint'>): void;
  /** The files hold a pair that cannot be used; the one before is kept. */
  certificateRejected(why: string): void;
  /** From the cluster, with the ConfigMaps that they come from. */
  settingsInUse(sources?: readonly string[]): void;
  /** There are settings that cannot be used; those before are kept. */
  settingsRejected(problems: readonly string[]): void;
  /** There are none that can be used, and never were. */
  settingsMissing(problems: readonly string[]): void;
  /** The cluster is followed; asked when somebody wants the metrics. */
  followed(state: () => FollowedState): void;
  /** All metrics as Prometheus reads them, and the content type of that. */
  print(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** How the cluster is followed. */
export interface FollowedState {
  readonly watches: readonly Pick<WatchState, 'name' | 'lastContactMs'>[];
  /** Undefined where nodes do not matter. */
  readonly nodes: number | undefined;
}

/** Counts in a registry of its own and writes to the log, whose lines go to the output. */
export function createTelemetry(log: Logger, output: DestinationStream, version: string): Telemetry {
  const { registry, metrics } = createMetrics('serve');
  const collectors = [processMetrics(metrics)];
  showFollowed({ watches: [], nodes: undefined }, metrics);
  metrics.buildInfo.set({ version, node: process.versions.node }, 1);
  const collect = (collector: () => void): void => void collectors.push(collector);
  const settings = settingsTelemetry(log, metrics);
  return {
    log,
    ...admissionTelemetry(log, output, metrics),
    ...settings.telemetry,
    ...eventTelemetry(log, metrics),
    handshakeFailed: (error) => {
      metrics.handshakeFailures.inc();
      log.debug({ err: error }, 'TLS handshake failed');
    },
    certificateInUse: ({ notAfter, fingerprint }) => {
      metrics.certificateNotAfter.set(notAfter.getTime() / 1000);
      metrics.certificateRejected.set(0);
      log.info({ notAfter, fingerprint }, 'certificate in use');
    },
    certificateRejected: (error) => {
      metrics.certificateRejected.set(1);
      log.error({ error }, 'certificate rejected; the one before is kept');
    },
    followed: (state) => collect(() => showFollowed(state(), metrics)),
    print: async () => {
      for (const collect of [...collectors, settings.collect]) collect();
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

function admissionTelemetry(log: Logger, output: DestinationStream, metrics: Metrics): AdmissionTelemetry {
  const count = admissionCounters(metrics);
  const logDecision = createDecisionLog(output);
  const errors = new Map<number, Child>(
    errorStatuses.map((status) => [status, fromZero(metrics.httpErrors.labels({ status: String(status) }))]),
  );
  return {
    decided: (review, verdict, seconds) => {
      count(verdict, seconds);
      if (log.isLevelEnabled('info')) logDecision(decisionFields(review, verdict, seconds));
    },
    refused: (status, message) => {
      errors.get(status)?.inc();
      log.warn({ status, error: message.trimEnd() }, 'request refused');
    },
    failed: (error) => {
      metrics.defects.inc();
      errors.get(500)?.inc();
      log.error({ err: error }, 'defect; please report it');
    },
  };
}

export function eventTelemetry(log: Logger, { eventsDropped }: Metrics): EventTelemetry {
  for (const reason of eventDropReasons) eventsDropped.inc({ reason }, 0);
  return {
    eventDropped: (reason) => eventsDropped.inc({ reason }),
    eventsFailed: ({ code, message }) => log.warn({ code, error: message }, 'Events cannot be written'),
  };
}

interface Child {
  inc(value?: number): void;
}

/** A series that is there from the start, so that its first increase is seen as one. */
function fromZero(child: Child): Child {
  child.inc(0);
  return child;
}

/** The series are looked up once, here, since every admission counts in three of them. */
function admissionCounters({ admissions, nativeDecisions, deliveries, duration }: Metrics) {
  const count = (reason: Reason, native: string) =>
    fromZero(admissions.labels({ decision: reasons[reason].kind, reason, native }));
  const native = (isNative: boolean) => ({
    decided: eachOf(nativeReasons, (reason) => fromZero(nativeDecisions.labels({ native: String(isNative), reason }))),
    admitted: eachOf(reasons, (reason) => (isInjection(reason) ? count(reason, String(isNative)) : undefined)),
  });
  const byReason = (delivery: Delivery) =>
    eachOf(deliveryReasons, (reason) => fromZero(deliveries.labels({ delivery, reason })));
  const byNative = { true: native(true), false: native(false) };
  const notInjected = eachOf(reasons, (reason) => (isInjection(reason) ? undefined : count(reason, 'none')));
  const delivered = { 'node-store': byReason('node-store'), 'agent-pull': byReason('agent-pull') };
  const seconds = eachOf({ inject: 0, deliver: 0, skip: 0, deny: 0 }, (decision) => duration.labels({ decision }));
  for (const decision of ['inject', 'deliver', 'skip', 'deny']) duration.zero({ decision });
  return (verdict: Verdict, took: number): void => {
    seconds[verdict.kind].observe(took);
    if ('modules' in verdict) for (const one of verdict.modules) delivered[one.delivery][one.reason].inc();
    if (verdict.kind !== 'inject') {
      notInjected[verdict.reason]?.inc();
      return;
    }
    const { decided, admitted } = byNative[verdict.native.native ? 'true' : 'false'];
    decided[verdict.native.reason].inc();
    admitted[verdict.reason]?.inc();
  };
}

function isInjection(reason: Reason): boolean {
  return reasons[reason].kind === 'inject';
}

function eachOf<Key extends string, Value>(
  table: Readonly<Record<Key, unknown>>,
  make: (key: Key) => Value,
): Readonly<Record<Key, Value>> {
  const keys = Object.keys(table) as Key[];
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<Key, Value>;
}

function settingsTelemetry(log: Logger, metrics: Metrics) {
  let staleSince: number | undefined;
  return {
    collect: () => metrics.settingsStale.set(staleSince === undefined ? 0 : (Date.now() - staleSince) / 1000),
    telemetry: {
      settingsInUse: (sources?: readonly string[]) => {
        staleSince = undefined;
        metrics.settingsLoaded.set(Date.now() / 1000);
        log.info({ sources }, 'settings in use');
      },
      settingsMissing: (problems: readonly string[]) => {
        log.warn({ problems }, 'waiting for settings');
      },
      settingsRejected: (problems: readonly string[]) => {
        staleSince ??= Date.now();
        log.error({ problems }, 'settings rejected; the last good ones are kept');
      },
    },
  };
}

function showFollowed({ watches, nodes }: FollowedState, metrics: Metrics): void {
  for (const watch of watchNames) {
    const age = watches.find(({ name }) => name === watch)?.lastContactMs;
    metrics.watchContact.set({ watch }, age === undefined ? 0 : (Date.now() - age) / 1000);
  }
  metrics.nodes.set(nodes ?? 0);
}

/** Sets what the operating system and the engine know of the process; called when somebody asks. */
export function processMetrics({ cpu, residentMemory, heap, startTime }: Metrics): () => void {
  let counted = 0;
  startTime.set(Date.now() / 1000 - process.uptime());
  return () => {
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    cpu.inc(seconds - counted);
    counted = seconds;
    const { rss, heapUsed } = process.memoryUsage();
    residentMemory.set(rss);
    heap.set(heapUsed);
  };
}
