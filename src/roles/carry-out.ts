// Answers: how is what one round decided carried out. One part that fails does not keep the others from being done.
// Does not belong here: what is to be done (core/upkeep.ts), how one object is written (corrections.ts).
import type { CertificateState } from '../core/certificates/plan.ts';
import { driftText } from '../core/cluster/drift.ts';
import { resourceOf } from '../core/cluster/resources.ts';
import type { EventDraft, ObjectReference } from '../core/model/event.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { UpkeepFacts, UpkeepPlan, Write } from '../core/upkeep.ts';
import type { ControlTelemetry, CorrectedObject } from '../edge/control-telemetry.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { takeStep } from './certificate-step.ts';
import type { Corrections } from './corrections.ts';
import type { Outcome } from './loop.ts';
import { probeService } from './service-probe.ts';

export interface CarryOutParts {
  readonly kube: Kube;
  readonly telemetry: ControlTelemetry;
  readonly record: (event: EventDraft) => void;
  /** `host:port` of the Service. */
  readonly serviceAddress: string;
  readonly corrections: Corrections;
  /** What is left undone and why, after each round. */
  readonly waits: (reasons: readonly string[]) => void;
}

/** What was looked at, and what follows from it. */
interface Decided {
  readonly facts: UpkeepFacts;
  readonly plan: UpkeepPlan;
}

export interface Round {
  /** Undefined while there are no options that can be read. */
  readonly decided: Decided | undefined;
  readonly complaints: readonly string[];
}

/** Time passes for certificates, and a watch may have missed something. */
const longestRestMs = 60_000;
const shortestRestMs = 100;
/** Nobody tells when a replica is there. */
const probeEveryMs = 1_000;

/** Throws what went wrong, after everything else has been done. */
export async function carryOut(
  parts: CarryOutParts,
  { decided, complaints }: Round,
  signal: AbortSignal,
): Promise<Outcome> {
  // not even certificates are renewed then: nobody knows who makes them
  if (decided === undefined) throw new KubeError('no-configuration', complaints.join('; '));
  const work = createWork(signal);
  const waitsFor = [...complaints];
  await doAll(parts, decided, { work, waitsFor, signal });
  parts.telemetry.waits(waitsFor);
  parts.waits(waitsFor);
  work.throwFailures();
  if (work.hasChanged) return { kind: 'again' };
  return { kind: 'rest', milliseconds: restMs(decided) };
}

interface Work {
  /** Does it unless the end has come; keeps the error. The value says whether something was changed. */
  attempt(action: () => Promise<boolean>): Promise<void>;
  readonly hasChanged: boolean;
  throwFailures(): void;
}

function createWork(signal: AbortSignal): Work {
  const failures: unknown[] = [];
  let hasChanged = false;
  return {
    attempt: async (action) => {
      if (signal.aborted) return;
      try {
        if (await action()) hasChanged = true;
      } catch (error) {
        failures.push(error);
      }
    },
    get hasChanged() {
      return hasChanged;
    },
    throwFailures: () => {
      if (failures.length === 1) throw failures[0];
      const defect = failures.find((error) => !(error instanceof KubeError));
      if (failures.length > 1) throw defect ?? joined(failures as KubeError[]);
    },
  };
}

function joined(errors: readonly KubeError[]): KubeError {
  const messages = [...new Set(errors.map(({ message }) => message))];
  return new KubeError(errors[0]?.code ?? 'failing', messages.join('; '));
}

interface Doing {
  readonly work: Work;
  readonly waitsFor: string[];
  readonly signal: AbortSignal;
}

async function doAll(parts: CarryOutParts, { facts, plan }: Decided, { work, waitsFor, signal }: Doing): Promise<void> {
  parts.telemetry.certificates(plan.notAfter);
  await work.attempt(() => changeCertificates(parts, plan, facts));
  if (work.hasChanged) return; // what follows may be another thing now
  const put = (write: Write): Promise<void> => work.attempt(() => carryOutWrite(parts, write, waitsFor));
  if (plan.registration !== undefined) {
    const missing = facts.registration === undefined ? await replicaMissing(parts, plan, signal) : undefined;
    if (missing === undefined) await put(plan.registration);
    else waitsFor.push(missing);
  }
  for (const write of plan.guard) await put(write);
}

/** Why the webhook cannot be registered for the first time yet. */
async function replicaMissing(
  { serviceAddress }: CarryOutParts,
  { bundle = '' }: UpkeepPlan,
  signal: AbortSignal,
): Promise<string | undefined> {
  const trouble = await probeService(serviceAddress, bundle, signal);
  if (trouble === undefined) return undefined;
  return `the webhook is registered as soon as a replica answers at ${serviceAddress}: ${trouble}`;
}

const steps: Readonly<Partial<Record<CertificateState, string>>> = {
  start: 'CertificateMade',
  announce: 'AuthorityAnnounced',
  promote: 'AuthorityChanged',
  renew: 'CertificateRenewed',
  tidy: 'SecretPutRight',
};

async function changeCertificates(
  { kube, telemetry, record }: CarryOutParts,
  { certificates }: UpkeepPlan,
  { secret }: UpkeepFacts,
): Promise<boolean> {
  if (certificates === undefined) return false;
  const { facts, plan } = certificates;
  const { state, why, step } = plan;
  if (step === undefined) return false;
  const written = await takeStep(kube, facts, step, secret);
  if (written === undefined) return true;
  telemetry.stepTaken(plan);
  const isRepair = facts.secret.faults.length > 0;
  record({
    regarding: referenceTo(written),
    type: isRepair ? 'Warning' : 'Normal',
    reason: steps[state] ?? 'SecretChanged',
    action: 'KeepCertificates',
    note: isRepair ? `${why}; it could not be used: ${facts.secret.faults.join('; ')}` : why,
  });
  return true;
}

const objectNames: Readonly<Record<string, CorrectedObject>> = {
  MutatingWebhookConfiguration: 'registration',
  ValidatingAdmissionPolicy: 'policy',
  ValidatingAdmissionPolicyBinding: 'binding',
};

async function carryOutWrite(
  { kube, telemetry, record, corrections }: CarryOutParts,
  write: Write,
  waitsFor: string[],
): Promise<boolean> {
  const { object, drift } = write;
  const name = objectNames[object.kind];
  if (name === undefined) throw new Error(`Cannot count what is done to a ${object.kind}`);
  if (write.kind === 'remove') {
    await kube.remove(resourceOf(object), object.metadata.name, object.metadata.namespace);
    telemetry.removed(name);
    return true;
  }
  try {
    const leftAlone = await corrections.write(kube, write);
    if (leftAlone !== undefined) {
      waitsFor.push(leftAlone);
      return false;
    }
  } catch (error) {
    // changed or deleted since it was looked at
    if (drift !== undefined && error instanceof KubeError && ['conflict', 'not-found'].includes(error.code))
      return true;
    throw error;
  }
  telemetry.written(name, drift && driftText(drift));
  if (drift !== undefined) record(correction(object, driftText(drift)));
  return true;
}

function correction(object: KubeObject, note: string): EventDraft {
  return { regarding: referenceTo(object), type: 'Warning', reason: 'PutRight', action: 'KeepRegistration', note };
}

function referenceTo({ apiVersion, kind, metadata: { name, namespace, uid } }: KubeObject): ObjectReference {
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }), ...(uid && { uid }) };
}

function restMs({ facts, plan }: Decided): number {
  if (facts.registration === undefined && plan.registration !== undefined) return probeEveryMs;
  const at = plan.certificates?.plan.lookAgainAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return Math.max(shortestRestMs, Math.min(longestRestMs, at - Date.now()));
}
