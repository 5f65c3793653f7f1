// Answers: what would become of the certificates of a cluster in which time passes, processes end and people meddle. A
// model of the API server's part and of the kubelet's; what control does in it is the real core.
// Does not belong here: what has to hold in it (the tests).

import { contentsAfter } from '../../../src/core/certificates/contents.ts';
import { printSecret, readSecret } from '../../../src/core/certificates/secret.ts';
import { noTrust, type Trust } from '../../../src/core/certificates/trust.ts';
import { isSignedBy, isValid, type Leaf, readBundle } from '../../../src/core/certificates/x509.ts';
import { type ClusterOptions, readOptions } from '../../../src/core/cluster/options.ts';
import { registeredBundle } from '../../../src/core/cluster/registration.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { planUpkeep, type UpkeepPlan } from '../../../src/core/upkeep.ts';
import { make } from '../../../src/roles/certificate-step.ts';

/** A kubelet brings a new Secret into a pod within this time. */
export const propagationMs = 120_000;

export function certificateOptions(changes: Readonly<Record<string, string>> = {}): ClusterOptions {
  const read = readOptions({ certificates: changes, guard: 'off' });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

export interface Deed {
  readonly state: string;
  readonly why: string;
}

/** From a moment on, until the next one. */
interface Era<T> {
  readonly since: number;
  readonly value: T;
}

export interface World {
  nowMs: number;
  secret: KubeObject | undefined;
  registration: KubeObject | undefined;
  readonly deeds: Deed[];
  /** A round of control; what is given runs after it has looked and before it writes. */
  round(meanwhile?: () => Promise<void>): Promise<UpkeepPlan>;
  /** Control ends, and another one begins. */
  restart(): void;
  /** Somebody changes the Secret or takes it away. */
  putSecret(secret: KubeObject | undefined): void;
  putRegistration(registration: KubeObject | undefined): void;
  /** Leaves that some replica may serve now and that are not expired. */
  served(): readonly Leaf[];
  /** Served leaves that some API server may not trust now, by what it may know of the registration. */
  untrusted(): readonly Leaf[];
}

const keptMs = 3_600_000;

export function createWorld(options: ClusterOptions, startMs = Date.UTC(2026, 0, 1)): World {
  let trust: Trust = noTrust;
  let version = 0;
  const leaves: Era<Leaf>[] = [];
  const bundles: Era<KubeObject | undefined>[] = [];
  const current = <T>(eras: readonly Era<T>[], lagMs: number): readonly T[] => {
    const from = world.nowMs - lagMs;
    return eras.filter((_, at) => (eras[at + 1]?.since ?? Number.POSITIVE_INFINITY) > from).map(({ value }) => value);
  };
  const note = <T>(eras: Era<T>[], value: T): void => {
    eras.push({ since: world.nowMs, value });
    while (eras[1] !== undefined && eras[1].since < world.nowMs - keptMs) eras.shift();
  };
  const putSecret = (secret: KubeObject | undefined): void => {
    version += 1;
    world.secret = secret && { ...secret, metadata: { ...secret.metadata, resourceVersion: String(version) } };
    const leaf = secret && readSecret(secret).leaf;
    // without one, a replica goes on with that it has
    if (leaf !== undefined) note(leaves, leaf);
  };
  const putRegistration = (registration: KubeObject | undefined): void => {
    world.registration = registration;
    note(bundles, registration);
  };
  const served = (): readonly Leaf[] =>
    current(leaves, propagationMs).filter(({ certificate }) => isValid(certificate, new Date(world.nowMs)));
  const world: World = {
    nowMs: startMs,
    secret: undefined,
    registration: undefined,
    deeds: [],
    putSecret,
    putRegistration,
    served,
    restart: () => {
      trust = noTrust;
    },
    untrusted: () => {
      const known = current(bundles, options.certificates.settle * 1000).filter((one) => one !== undefined);
      return served().filter((leaf) => known.some((one) => !trusts(one, leaf, new Date(world.nowMs))));
    },
    round: async (meanwhile) => {
      const facts = {
        ...{
          options,
          injector: undefined,
          guard: [],
          namespace: undefined,
          minor: 34,
          trust,
          now: new Date(world.nowMs),
        },
        ...{ secret: world.secret, registration: world.registration },
      };
      const plan = planUpkeep(facts);
      trust = plan.trust;
      await meanwhile?.();
      await write(world, plan, facts.secret);
      return plan;
    },
  };
  return world;
}

/** As roles/carry-out.ts does it: the Secret first, and nothing more after that; by optimistic concurrency. */
async function write(world: World, plan: UpkeepPlan, before: KubeObject | undefined): Promise<void> {
  const step = plan.certificates?.plan.step;
  if (plan.certificates !== undefined && step !== undefined) {
    const { facts } = plan.certificates;
    const secret = printSecret(contentsAfter(facts, step, await make(facts, step)), before);
    if (world.secret?.metadata.resourceVersion !== before?.metadata.resourceVersion) return;
    world.deeds.push(plan.certificates.plan);
    world.putSecret(secret);
    return;
  }
  const { registration } = plan;
  if (registration === undefined) return;
  if (registration.drift === undefined) {
    const isAnswered = world.served().some((leaf) => trusts(registration.object, leaf, new Date(world.nowMs)));
    if (isAnswered && world.registration === undefined) world.putRegistration(registration.object);
  } else if (world.registration !== undefined) world.putRegistration(registration.object);
}

export function trusts(registration: KubeObject, leaf: Leaf, now: Date): boolean {
  const { authorities } = readBundle(registeredBundle(registration) ?? '');
  return authorities.some((authority) => isSignedBy(leaf, authority) && isValid(authority.certificate, now));
}
