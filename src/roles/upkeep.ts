// Answers: what does one look at the cluster consist of, and how is what follows from it carried out. Everything is read
// from the API server itself in each round: watches only say that it is time for one.
// Does not belong here: what is to be done (core/upkeep.ts), when there is a round (loop.ts, wake-ups.ts).
import { noTrust, type Trust } from '../core/certificates/trust.ts';
import type { GuardedConfig } from '../core/cluster/guard.ts';
import { hasPolicies, minorOf } from '../core/cluster/kubernetes-version.ts';
import { names, ownNamespace } from '../core/cluster/names.ts';
import type { ClusterOptions } from '../core/cluster/options.ts';
import { resources } from '../core/cluster/resources.ts';
import {
  type ConfigMapPlace,
  optionsPlace,
  placeText,
  readInjectorMap,
  readInstallation,
  settingsPlaces,
} from '../core/cluster/settings-documents.ts';
import { readInjectorConfig } from '../core/configuration/injector-config.ts';
import type { EventDraft } from '../core/model/event.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { fail, ok, problemLine, type Result } from '../core/model/problem.ts';
import { planUpkeep, type UpkeepFacts } from '../core/upkeep.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { type CarryOutParts, carryOut, type Round } from './carry-out.ts';
import { createCorrections } from './corrections.ts';
import type { LoopParts } from './loop.ts';
import type { WakeUps } from './wake-ups.ts';

export interface UpkeepParts extends Omit<CarryOutParts, 'corrections'> {
  readonly wakeUps: Pick<WakeUps, 'followInjector' | 'followGuard'>;
  /** The options in use, in each round. */
  readonly useOptions: (options: ClusterOptions) => void;
}

/** What is remembered from one round to the next, and forgotten with the process. */
interface Memory {
  options: ClusterOptions | undefined;
  injector: GuardedConfig | undefined;
  /** The ConfigMap that it was read from. */
  injectorOf: string | undefined;
  trust: Trust;
}

interface Seen {
  readonly facts: UpkeepFacts | undefined;
  readonly complaints: readonly string[];
}

/** The three parts of the loop, with a memory of their own. */
export function createUpkeep(parts: UpkeepParts): Pick<LoopParts<Seen, Round>, 'observe' | 'decide' | 'act'> {
  const memory: Memory = { options: undefined, injector: undefined, injectorOf: undefined, trust: noTrust };
  const corrections = createCorrections();
  return {
    observe: () => observe(parts, memory),
    decide: ({ facts, complaints }) => {
      if (facts === undefined) return { decided: undefined, complaints };
      const plan = planUpkeep(facts);
      memory.trust = plan.trust;
      return { decided: { facts, plan }, complaints: [...complaints, ...plan.waitsFor] };
    },
    act: (round, signal) => carryOut({ ...parts, corrections }, round, signal),
  };
}

async function observe(parts: UpkeepParts, memory: Memory): Promise<Seen> {
  const { kube, record } = parts;
  const map = await kube.get(resources.configMaps, optionsPlace.name, optionsPlace.namespace);
  const read = readInstallation(map);
  if (read.ok) memory.options = read.value.options;
  const complaints = read.ok ? [] : read.error.map(problemLine);
  if (!read.ok) record(optionsRejected(map, complaints));
  if (memory.options === undefined) return { facts: undefined, complaints };
  parts.useOptions(memory.options);
  const { facts, problems } = await observeAll(parts, memory, memory.options);
  return { facts, complaints: [...complaints, ...problems] };
}

async function observeAll(
  { kube, wakeUps }: UpkeepParts,
  memory: Memory,
  options: ClusterOptions,
): Promise<{ readonly facts: UpkeepFacts; readonly problems: readonly string[] }> {
  const { injector: place } = settingsPlaces(options);
  wakeUps.followInjector(place);
  const minor = minorOf(await kube.call('GET', '/version'));
  const guardKinds = hasPolicies(minor) ? [resources.admissionPolicies, resources.admissionPolicyBindings] : [];
  if (guardKinds.length > 0) wakeUps.followGuard();
  const [namespace, injectorMap, secret, registration, ...guard] = await Promise.all([
    kube.get(resources.namespaces, ownNamespace),
    options.guard === 'off' ? undefined : askInjector(kube, place),
    kube.get(resources.secrets, names.certificates, ownNamespace),
    kube.get(resources.mutatingWebhooks, names.registration),
    ...guardKinds.map((kind) => kube.get(kind, names.guard)),
  ]);
  const problems = injectorMap === undefined ? [] : readInjector(memory, injectorMap, place);
  const facts: UpkeepFacts = {
    options,
    injector: memory.injector,
    secret,
    registration,
    guard: guard.filter((one) => one !== undefined),
    namespace,
    minor,
    trust: memory.trust,
    now: new Date(),
  };
  return { facts, problems };
}

/** Roles name one ConfigMap. Whoever only changes the revision asks for another, and everything else has to go on. */
async function askInjector(kube: Kube, place: ConfigMapPlace): Promise<Result<KubeObject | undefined>> {
  try {
    return ok(await kube.get(resources.configMaps, place.name, place.namespace));
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'forbidden') throw error;
    const expected = `${error.message}; \`pillion install\` gives the right to read it`;
    return fail([{ path: placeText(place), value: undefined, expected }]);
  }
}

/** The last good one of that place stays in use; returns what is wrong. */
function readInjector(memory: Memory, map: Result<KubeObject | undefined>, place: ConfigMapPlace): readonly string[] {
  if (memory.injectorOf !== placeText(place)) memory.injector = undefined;
  memory.injectorOf = placeText(place);
  const document = map.ok ? readInjectorMap(map.value, place).config : map;
  const read = document.ok ? readInjectorConfig(document.value.value) : document;
  if (!read.ok) return read.error.map(problemLine);
  memory.injector = read.value;
  return [];
}

/** About the ConfigMap, also where it is not there. What is wrong with Istio's own, the webhook tells. */
function optionsRejected(map: KubeObject | undefined, problems: readonly string[]): EventDraft {
  const { uid } = map?.metadata ?? {};
  const regarding = { apiVersion: 'v1', kind: 'ConfigMap', ...optionsPlace, ...(uid === undefined ? {} : { uid }) };
  return { regarding, type: 'Warning', reason: 'OptionsRejected', action: 'ReadOptions', note: problems.join('; ') };
}
