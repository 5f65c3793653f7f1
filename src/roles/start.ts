// Answers: how are the parts of the admission webhook put together and brought up, in which order.
// Does not belong here: any of the parts; how it ends (lifecycle.ts).
import type { Server } from 'node:http';
import { admit } from '../core/admit.ts';
import type { Facts } from '../core/model/facts.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import { printAnswer, readReview } from '../core/review.ts';
import type { Followed } from '../edge/followed-files.ts';
import { type AdmissionListener, createListener } from '../edge/http.ts';
import { type Address, listen, readAddress } from '../edge/listen-address.ts';
import { createLog, type DestinationStream, logLevels } from '../edge/log.ts';
import { createManagement } from '../edge/management.ts';
import type { SettingsSources } from '../edge/settings-files.ts';
import { createTelemetry, type Telemetry } from '../edge/telemetry.ts';
import type { Certificate } from '../edge/tls.ts';
import { type CertificateOptions, followCertificate } from './followed-certificate.ts';
import { followSettings } from './followed-settings.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { createWarmUp, type WarmUp } from './warm-up.ts';

export interface ServeOptions extends CertificateOptions {
  /** `host:port` or `:port`; port 0 takes one that is free. */
  readonly listen: string;
  readonly managementListen: string;
  readonly drainDelayMs: number;
  /** One of `logLevels` (edge/log.ts). */
  readonly logLevel: string;
  readonly sources: SettingsSources;
}

/** A webhook that is up. */
export interface Webhook {
  readonly telemetry: Telemetry;
  readonly readiness: Readiness;
  readonly listener: AdmissionListener;
  readonly settings: Followed<Facts>;
  readonly certificate: Followed<Certificate>;
  /** `host:port` of the admission port and of the management port. */
  readonly address: string;
  readonly managementAddress: string;
  /** Ends everything but the listener. */
  close(): void;
}

type Lines = readonly string[];

/** Brings the webhook up and warm; or says, one line for each problem, why the options or settings cannot be used. */
export async function startWebhook(
  options: ServeOptions,
  version: string,
  output: DestinationStream,
): Promise<Result<Webhook, Lines>> {
  const places = readPlaces(options);
  if (!places.ok) return places;
  if (!logLevels.includes(options.logLevel)) return fail([unknownLevel(options.logLevel)]);
  const telemetry = createTelemetry(createLog(options.logLevel, output), output, version);
  const readiness = createReadiness();
  const followed = await followAll(options, telemetry, readiness);
  if (!followed.ok) return followed;
  const { settings, certificate, changed } = followed.value;
  const nowhere = { write: () => {} };
  const rehearsal = createTelemetry(createLog(options.logLevel, nowhere), nowhere, version);
  const warmUp = createWarmUp({ facts: settings.current, readReview, admit, printAnswer, telemetry }, rehearsal);
  const listener = createListener(warmUp.answer, certificate.current(), telemetry);
  changed.certificate = listener.useCertificate;
  const management = createManagement({
    conditions: readiness.conditions,
    printMetrics: telemetry.print,
    settings: settings.current,
    failed: telemetry.failed,
  });
  const close = (): void => {
    settings.close();
    certificate.close();
    closeNow(management);
  };
  const addresses = await listenAll({ management, admission: listener.server }, places.value);
  if (!addresses.ok) {
    close();
    return addresses;
  }
  readiness.set('listener', true, `listening on ${addresses.value.address}`);
  await warm(warmUp, addresses.value.address, telemetry, readiness);
  return ok({ telemetry, readiness, listener, settings, certificate, close, ...addresses.value });
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
  readonly settings: Followed<Facts>;
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
  const [settings, certificate] = await Promise.all([
    followSettings(options.sources, telemetry, readiness),
    followCertificate(options, telemetry, readiness, (next) => changed.certificate(next)),
  ]);
  if (settings.ok && certificate.ok) {
    return ok({ settings: settings.value, certificate: certificate.value, changed });
  }
  if (settings.ok) settings.value.close();
  if (certificate.ok) certificate.value.close();
  return fail([...(settings.ok ? [] : settings.error), ...(certificate.ok ? [] : [certificate.error])]);
}

/** The management port first: whoever asks while the rest comes up gets an answer. */
async function listenAll(
  servers: { readonly management: Server; readonly admission: Server },
  places: Places,
): Promise<Result<Pick<Webhook, 'address' | 'managementAddress'>, Lines>> {
  const management = await listen(servers.management, places.management, '--management-listen');
  if (!management.ok) return fail([management.error]);
  const admission = await listen(servers.admission, places.admission, '--listen');
  if (!admission.ok) return fail([admission.error]);
  return ok({ address: admission.value, managementAddress: management.value });
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
