// Answers: does the mesh's proxy load this module with this configuration, and answer a request through it. Tried in a pod
// of its own before anything that serves learns of the module.
// Does not belong here: the pod and what it tells (core/wasm/trial*.ts); what follows from the verdict (core/wasm/rollout/).
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { ownNamespace } from '../core/cluster/names.ts';
import { resources } from '../core/cluster/resources.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import { fail, ok, type Result } from '../core/model/problem.ts';
import { digestOf } from '../core/wasm/digests.ts';
import type { Extension, Revision } from '../core/wasm/extension.ts';
import type { Refusal } from '../core/wasm/refusals.ts';
import { trialBootstrap } from '../core/wasm/trial/trial.ts';
import {
  containers,
  filePath,
  filesUrlOf,
  leftBehindSelector,
  type OwnPod,
  readOwnPod,
  trialPod,
  trialPort,
} from '../core/wasm/trial/trial-pod.ts';
import { hasProxyLog, impossible, trialVerdict } from '../core/wasm/trial/trial-verdict.ts';
import type { Kube } from '../edge/kube/client.ts';
import { KubeError } from '../edge/kube/kube-error.ts';
import { readPodLog } from '../edge/kube/pod-log.ts';
import { type Offer, offerFiles } from '../edge/offered-files.ts';
import { pause } from '../edge/pause.ts';
import { createTurns, type InTurn } from './turns.ts';

export type TrialKube = Pick<Kube, 'get' | 'list' | 'create' | 'remove' | 'config'>;

export interface TrialParts {
  readonly kube: TrialKube;
  /** Made once for a process that leads; one trial is held at a time, the others wait for their turn. */
  readonly desk: TrialDesk;
  /** Image of the mesh's proxy. */
  readonly proxyImage: string;
}

export interface Trial {
  readonly extension: Extension;
  readonly revision: Pick<Revision, 'moduleDigest'>;
  readonly bytes: Uint8Array;
}

/** What trials of one process share. */
export interface TrialDesk {
  /** The pod that this process runs in: its machine's name. */
  readonly podName: string;
  /** Tells our trial pods from those that another process left behind. */
  readonly by: string;
  readonly port: number;
  /** Does it when everything that came before is done. */
  readonly inTurn: InTurn;
  /** Does it before the first trial. */
  once(work: () => Promise<void>): Promise<void>;
}

/** Makes the desk of a process that leads. */
export function openTrialDesk(options: { readonly podName?: string; readonly port?: number } = {}): TrialDesk {
  let isFirst = true;
  return {
    podName: options.podName ?? hostname(),
    by: randomBytes(6).toString('hex'),
    port: options.port ?? trialPort,
    inTurn: createTurns(),
    once: async (work) => {
      if (!isFirst) return;
      await work();
      isFirst = false;
    },
  };
}

const lookEveryMs = 200;
const mostLogBytes = 1024 * 1024;

/**
 * Tries the module. Nothing is left in the cluster afterwards.
 * @returns TrialRefused with the decisive lines of the proxy's log; TrialImpossible where the proxy could not be asked
 */
export function holdTrial(parts: TrialParts, trial: Trial, signal: AbortSignal): Promise<Result<void, Refusal>> {
  return parts.desk.inTurn(async () => {
    try {
      signal.throwIfAborted();
      await parts.desk.once(() => removeLeftBehind(parts));
      return await hold(parts, trial, signal);
    } catch (error) {
      if (signal.aborted) return cannot('it was broken off');
      if (error instanceof KubeError) return cannot(error.message);
      throw error;
    }
  });
}

function cannot(state: string): Result<void, Refusal> {
  return fail(impossible(state).refusal);
}

/** Of a process that died, or that led before this one. */
async function removeLeftBehind({ kube, desk }: TrialParts): Promise<void> {
  const { items } = await kube.list(resources.pods, {
    namespace: ownNamespace,
    labelSelector: leftBehindSelector(desk.by),
  });
  for (const { metadata } of items) await kube.remove(resources.pods, metadata.name, ownNamespace);
}

async function hold(parts: TrialParts, trial: Trial, signal: AbortSignal): Promise<Result<void, Refusal>> {
  const { kube, desk } = parts;
  const found = await kube.get(resources.pods, desk.podName, ownNamespace);
  const own = found === undefined ? undefined : readOwnPod(found);
  if (own === undefined) {
    return cannot(
      `this process is no pod of ${ownNamespace}, so that no pod gets the module from it; run "pillion control" in the cluster`,
    );
  }
  const token = randomBytes(16).toString('hex');
  const bootstrap = bootstrapOf(trial, token);
  const bootstrapDigest = digestOf(bootstrap);
  const files = new Map([
    [filePath(token, trial.revision.moduleDigest), trial.bytes],
    [filePath(token, bootstrapDigest), bootstrap],
  ]);
  const offer = await offerFiles(files, { host: undefined, port: desk.port });
  if (!offer.ok) return cannot(offer.error);
  const pod = podOf(parts, trial, { own, offer: offer.value, token, bootstrapDigest });
  try {
    await kube.create(pod);
    return await watchOver(kube, pod.metadata.name, token, signal);
  } finally {
    offer.value.close();
    await kube.remove(resources.pods, pod.metadata.name, ownNamespace).catch(() => false); // it ends by itself
  }
}

function bootstrapOf({ extension, revision: { moduleDigest } }: Trial, token: string): Uint8Array {
  return Buffer.from(JSON.stringify(trialBootstrap({ extension, moduleDigest, token })));
}

interface PodFacts {
  readonly own: OwnPod;
  readonly offer: Offer;
  readonly token: string;
  readonly bootstrapDigest: `sha256:${string}`;
}

function podOf({ desk, proxyImage }: TrialParts, { extension, revision }: Trial, facts: PodFacts): KubeObject {
  return trialPod({
    id: randomBytes(5).toString('hex'),
    by: desk.by,
    own: facts.own,
    proxyImage,
    tries: `${extension.namespace}/${extension.name}`,
    moduleDigest: revision.moduleDigest,
    bootstrapDigest: facts.bootstrapDigest,
    filesUrl: filesUrlOf(facts.own.address, facts.offer.port, facts.token),
  });
}

/** Looks again and again: what counts are a few seconds, in which a watch and a stream would only be two more to fail. */
async function watchOver(
  kube: TrialKube,
  name: string,
  token: string,
  signal: AbortSignal,
): Promise<Result<void, Refusal>> {
  const madeAt = performance.now();
  let proxyAt: number | undefined;
  while (true) {
    const pod = await kube.get(resources.pods, name, ownNamespace);
    const isThere = hasProxyLog(pod);
    if (isThere) proxyAt ??= performance.now();
    const log = isThere ? await logOf(kube, name, signal) : '';
    const now = performance.now();
    const verdict = trialVerdict({
      pod,
      log,
      token,
      podForMs: now - madeAt,
      proxyForMs: proxyAt === undefined ? 0 : now - proxyAt,
    });
    if (verdict.kind === 'passed') return ok(undefined);
    if (verdict.kind === 'failed') return fail(verdict.refusal);
    await pause(lookEveryMs, signal);
    signal.throwIfAborted();
  }
}

function logOf({ config }: TrialKube, pod: string, signal: AbortSignal): Promise<string> {
  const place = { namespace: ownNamespace, pod, container: containers.proxy };
  return readPodLog(config, { ...place, mostBytes: mostLogBytes, signal });
}
