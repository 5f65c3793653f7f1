// Answers: which running pods are not as they would be if they were created now: without their sidecar, or, of a Job,
// with one that never ends.
// Does not belong here: the decision itself (core/admit.ts).
import { admit } from '../admit.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { fewOf } from '../model/plain-text.ts';
import { findProxy, type Pod } from '../model/pod.ts';
import { type Workload, workloadOf } from '../settings/workload.ts';
import { readStorePod, type StorePod } from '../wasm/delivery/store-pods.ts';
import { type CheckResult, checked, checkSeen, unchecked } from './check-result.ts';
import { count, found } from './findings.ts';
import { areCalledFor, type Knowledge } from './knowledge.ts';
import { lacksModules } from './modules.ts';
import type { NamespaceView, Observations, PodSurvey, WorkloadPods } from './observations.ts';
import { reviewOf } from './reach.ts';

/** Takes pods one after the other, so that nobody has to hold all pods of a cluster. */
export interface Surveyor {
  look(pod: KubeObject): void;
  survey(): PodSurvey;
}

export function createSurveyor(known: Knowledge, namespaces: readonly NamespaceView[]): Surveyor {
  const byName = new Map(namespaces.map((namespace) => [namespace.name, namespace]));
  const withoutSidecar = new Map<string, WorkloadPods>();
  const plainJobs = new Map<string, WorkloadPods>();
  const withoutModules = new Map<string, WorkloadPods>();
  const held: StorePod[] = [];
  let examined = 0;
  return {
    look: (object) => {
      const namespace = byName.get(object.metadata.namespace ?? '');
      if (namespace === undefined || !isRunning(object)) return;
      examined += 1;
      if (lacksModules(object, namespace, known)) add(withoutModules, ownerOf(object, namespace.name));
      const stored = readStorePod(object);
      if (stored?.isHeld) held.push(stored);
      const state = stateOf(object, namespace, known);
      if (state === undefined) return;
      add(state === 'without sidecar' ? withoutSidecar : plainJobs, ownerOf(object, namespace.name));
    },
    survey: () => ({
      examined,
      withoutSidecar: [...withoutSidecar.values()],
      plainJobs: [...plainJobs.values()],
      withoutModules: [...withoutModules.values()],
      held,
    }),
  };
}

function isRunning({ metadata, status }: KubeObject): boolean {
  const phase = isObject(status) ? status['phase'] : undefined;
  return metadata.deletionTimestamp === undefined && (phase === 'Running' || phase === 'Pending');
}

/** Undefined for a pod that is as it should be. */
function stateOf(
  object: KubeObject,
  namespace: NamespaceView,
  known: Knowledge,
): 'without sidecar' | 'plain job' | undefined {
  const { metadata, spec } = object;
  if (!known.facts?.ok || !areCalledFor(known, namespace, metadata.labels ?? {})) return undefined;
  const pod: Pod = { metadata, spec: isObject(spec) ? spec : {} };
  const hasProxy = findProxy(pod) !== undefined;
  const isPlain = pod.spec.containers?.some(({ name }) => name === 'istio-proxy') === true;
  const isOfJob = metadata.ownerReferences?.some(({ kind }) => kind === 'Job') === true;
  if (hasProxy && !(isPlain && isOfJob)) return undefined;
  const verdict = admit(reviewOf(beforeBinding(object), namespace.name), known.facts.value);
  if (verdict.kind !== 'inject' || findProxy(verdict.pod) === undefined) return undefined;
  if (!hasProxy) return 'without sidecar';
  return verdict.native.native ? 'plain job' : undefined;
}

/** As it was when it was created: which node it came to was not known then. */
function beforeBinding(object: KubeObject): JsonObject {
  const { nodeName, ...spec } = isObject(object['spec']) ? object['spec'] : {};
  return { ...object, spec };
}

/** A Job keeps its own name: that is what has to be created anew. */
function ownerOf({ metadata }: KubeObject, namespace: string): Workload {
  const job = metadata.ownerReferences?.find(({ kind }) => kind === 'Job');
  if (job?.name !== undefined) return { name: job.name, kind: 'Job', namespace, apiVersion: 'batch/v1' };
  return workloadOf(metadata, namespace);
}

function add(groups: Map<string, WorkloadPods>, { namespace, kind, name }: Workload): void {
  const key = `${namespace}/${kind}/${name}`;
  groups.set(key, { namespace, kind, name, pods: (groups.get(key)?.pods ?? 0) + 1 });
}

export function checkPods({ pods }: Observations, known: Knowledge): CheckResult {
  if (!known.facts?.ok) return unchecked('the settings cannot be read');
  return checkSeen(pods, ({ examined, withoutSidecar }) => {
    if (withoutSidecar.length === 0) return checked(`no sidecar is missing, ${count(examined, 'running pod')}`);
    const total = withoutSidecar.reduce((sum, one) => sum + one.pods, 0);
    const what = `${count(total, 'pod')} of ${count(withoutSidecar.length, 'workload')}: ${fewOf(withoutSidecar.map(workloadText))}`;
    return checked(`${total} of ${count(examined, 'pod')} without sidecar`, [
      found('sidecar-missing', what, restartText(withoutSidecar)),
    ]);
  });
}

export function checkJobs({ pods }: Observations, known: Knowledge): CheckResult {
  if (!known.facts?.ok) return unchecked('the settings cannot be read');
  return checkSeen(pods, ({ plainJobs }) => {
    if (plainJobs.length === 0) return checked('none runs a plain sidecar that could be native');
    const what = `${count(plainJobs.length, 'Job')}: ${fewOf(plainJobs.map(workloadText))}`;
    return checked('some run plain sidecars', [found('job-with-plain-sidecar', what)]);
  });
}

function workloadText({ namespace, kind, name, pods }: WorkloadPods): string {
  return `${namespace}/${kind}/${name}${pods === 1 ? '' : ` (${pods} pods)`}`;
}

const restartable = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** The command for the first one that can be restarted; pods of others have to be created anew. */
function restartText(workloads: readonly WorkloadPods[]): string {
  const first = workloads.find(({ kind }) => restartable.includes(kind));
  if (first === undefined) return 'Delete the pods, and create those anew that nobody owns.';
  const command = `kubectl -n ${first.namespace} rollout restart ${first.kind.toLowerCase()} ${first.name}`;
  return workloads.length === 1 ? `Restart it: ${command}.` : `Restart them: ${command}, and so on.`;
}
