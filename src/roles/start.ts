// Answers: how are the parts of the admission webhook put together and brought up, in which order.
// Does not belong here: any of the parts; how it ends (lifecycle.ts).
import type { Server } from 'node:http';
import { admit } from '../core/admit.ts';
import type { Facts } from '../core/model/facts.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import { printAnswer, readReview } from '../core/review.ts';
import type { Followed } from '../edge/followed-files.ts';
import { type AdmissionListener, createListener } from '../edge/http.ts';
import type { KubeOptions } from '../edge/kube/client.ts';
import { type Address, listen, readAddress } from '../edge/listen-address.ts';
import { createLog, type DestinationStream, logLevels } from '../edge/log.ts';
import { createManagement } from '../edge/management.ts';
import type { SettingsSources } from '../edge/settings-files.ts';
import { shownFacts } from '../edge/shown-facts.ts';
import { type AdmissionTelemetry, createTelemetry, type Telemetry } from '../edge/telemetry.ts';
import type { Certificate } from '../edge/tls.ts';
import { type CertificateOptions, followCertificate } from './followed-certificate.ts';
import { type FollowedSettings, followSettings } from './followed-settings.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { createWarmUp, type WarmUp } from './warm-up.ts';

export interface ServeOptions extends CertificateOptions {
  /** `host:port` or `:port`; port 0 takes one that is free. */
  readonly listen: string;
  readonly managementListen: string;
  readonly drainDelayMs: number;
  /** One of `logLevels` (edge/log.ts). */
  readonly logLevel: string;
  /** Of files; beside `cluster`, only options that stand for themselves. */
  readonly sources: SettingsSources;
  /** The cluster whose settings are followed. */
  readonly cluster?: KubeOptions;
}

/** A webhook that is up. */
export interface Webhook {
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly listener: AdmissionListener;
  readonly settings: FollowedSettings;
  readonly certificate: Followed<Certificate>;
  /** `host:port` of the admission port and of the management port. */
  readonly address: string;
  readonly managementAddress: string;
  /** Ends everything but the listener. */
  close(): void;
}

export type Start =
  | { readonly kind: 'up'; readonly webhook: Webhook }
  /** The options or settings cannot be used; one line for each problem. */
  | { readonly kind: 'unusable'; readonly problems: Lines }
  /** Somebody asked to stop before there were settings to serve with. */
  | { readonly kind: 'stopped' };

type Lines = readonly string[];

/** What the process gives its webhook. */
export interface ServeProcess {
  readonly version: string;
  readonly output: DestinationStream;
  /** Aborted when somebody asks to stop. */
  readonly stopping: AbortSignal;
}

/**
 * Brings the webhook up and warm. The management port comes first: settings of a cluster may take their time, and
 * whoever asks meanwhile hears what is missing.
 */
export async function startWebhook(options: ServeOptions, around: ServeProcess): Promise<Start> {
  const places = readPlaces(options);
  if (!places.ok) return unusable(places.error);
  if (!logLevels.includes(options.logLevel)) return unusable([unknownLevel(options.logLevel)]);
  const closers: (() => void)[] = [];
  const close = (): void => {
    for (const one of closers) one();
  };
  const start = await bringUp(options, around, { places: places.value, close, closers });
  if (start.kind !== 'up') close();
  return start;
}

interface Opened {
  readonly places: Places;
  readonly closers: (() => void)[];
  readonly close: () => void;
}

async function bringUp(options: ServeOptions, around: ServeProcess, opened: Opened): Promise<Start> {
  const { places, closers, close } = opened;
  const telemetry = createTelemetry(createLog(options.logLevel, around.output), around.output, around.version);
  const readiness = createReadiness();
  let current: () => Facts | undefined = () => undefined;
  const management = createManagement({
    conditions: readiness.conditions,
    printMetrics: telemetry.print,
    settings: () => shownFacts(current()),
    failed: telemetry.failed,
  });
  closers.push(() => closeNow(management));
  const managementAddress = await listen(management, places.management, '--management-listen');
  if (!managementAddress.ok) return unusable([managementAddress.error]);
  telemetry.log.info({ managementUrl: `http://${managementAddress.value}` }, 'management port is open');

  const followed = await followAll(options, telemetry, readiness);
  if (!followed.ok) return unusable(followed.error);
  const { settings, certificate, changed } = followed.value;
  closers.push(settings.close, certificate.close);
  current = settings.current;
  const facts = await settings.first(around.stopping);
  if (facts === undefined) return { kind: 'stopped' };

  const warmUp = createWarmUp(
    { facts, readReview, admit, printAnswer, telemetry: telling(telemetry, settings) },
    createRehearsal(options, around),
  );
  const listener = createListener(warmUp.answer, certificate.current(), telemetry);
  changed.certificate = listener.useCertificate;
  const address = await listen(listener.server, places.admission, '--listen');
  if (!address.ok) return unusable([address.error]);
  readiness.set('listener', true, `listening on ${address.value}`);
  await warm(warmUp, address.value, telemetry, readiness);
  const addresses = { address: address.value, managementAddress: managementAddress.value };
  return { kind: 'up', webhook: { telemetry, readiness, listener, settings, certificate, close, ...addresses } };
}

function unusable(problems: Lines): Start {
  return { kind: 'unusable', problems };
}

/** The telemetry, and whoever else wants to know of every decision. */
function telling(telemetry: AdmissionTelemetry, { decided: tell }: FollowedSettings): AdmissionTelemetry {
  const { refused, failed, decided } = telemetry;
  if (tell === undefined) return { refused, failed, decided };
  return {
    refused,
    failed,
    decided: (review, verdict, seconds) => {
      decided(review, verdict, seconds);
      tell(review, verdict);
    },
  };
}

/** Telemetry that nobody sees. */
function createRehearsal({ logLevel }: ServeOptions, { version }: ServeProcess): AdmissionTelemetry {
  const nowhere = { write: () => {} };
  return createTelemetry(createLog(logLevel, nowhere), nowhere, version);
}

interface Places {
  readonly admission: Address;
  readonly management: Address;
}

function readPlaces(options: ServeOptions): Result<Places, Lines> {
  const admission = readAddress(options.listen, '--listen');
  const management = readAddress(options.managementListen, '--management-listen');
  if (admission.ok && management.ok) return ok({ admission: admission.value, management: management.value });
  return fail([admission, management].flatMap((address) => (address.ok ? [] : [address.error])));
}

function unknownLevel(level: string): string {
  return `Cannot use --log-level ${quoted(level)}: there is no such level; use one of ${logLevels.join(', ')}`;
}

interface FollowedAll {
  readonly settings: FollowedSettings;
  readonly certificate: Followed<Certificate>;
  /** What is to be told of another certificate; the listener, as soon as there is one. */
  readonly changed: { certificate: (next: Certificate) => void };
}

async function followAll(
  options: ServeOptions,
  telemetry: Telemetry,
  readiness: Readiness,
): Promise<Result<FollowedAll, Lines>> {
  const changed: FollowedAll['changed'] = { certificate: () => {} };
  const { sources, cluster } = options;
  const [settings, certificate] = await Promise.all([
    cluster === undefined
      ? followSettings(sources, telemetry, readiness)
      : import('./followed-cluster.ts').then(({ followCluster }) =>
          followCluster({ cluster, options: sources, telemetry, readiness }),
        ),
    followCertificate(options, telemetry, readiness, (next) => changed.certificate(next)),
  ]);
  if (settings.ok && certificate.ok) {
    return ok({ settings: settings.value, certificate: certificate.value, changed });
  }
  if (settings.ok) settings.value.close();
  if (certificate.ok) certificate.value.close();
  return fail([...(settings.ok ? [] : settings.error), ...(certificate.ok ? [] : [certificate.error])]);
}

/** A warm-up that fails makes the first admissions slower, which is no reason to serve none. */
async function warm(warmUp: WarmUp, address: string, telemetry: Telemetry, readiness: Readiness): Promise<void> {
  const trouble = await warmUp.run(address);
  if (trouble !== undefined) telemetry.log.warn({ error: trouble }, 'warm-up failed; the first answers will be slower');
  readiness.set('warm-up', true, trouble === undefined ? 'done' : `failed: ${trouble}`);
}

function closeNow(server: Server): void {
  server.close();
  server.closeAllConnections();
}
