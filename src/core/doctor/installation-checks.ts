// Answers: does Pillion itself run: its Deployments, its options, the control that leads.
import { names, ownNamespace } from '../cluster/names.ts';
import { answeredRevisions } from '../cluster/options.ts';
import { portForwards, type Resource } from '../cluster/resources.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { problemLine, quoted } from '../model/problem.ts';
import { type CheckResult, checked, checkSeen, unchecked } from './check-result.ts';
import { type Finding, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import { type Observations, seenValue } from './observations.ts';

/** Clocks of two machines may be that far apart. */
const clockSkewMs = 30_000;

export function checkInstallation({ ownNamespace: namespace, deployments }: Observations): CheckResult {
  if (seenValue(namespace) === undefined && namespace.kind === 'seen') {
    return checked('it is not installed', [found('not-installed', `There is no namespace ${ownNamespace}`)]);
  }
  return checkSeen(deployments, (list) => {
    const states = [names.webhook, names.control].map((name) =>
      replicasOf(
        name,
        list.find(({ metadata }) => metadata.name === name),
      ),
    );
    return checked(
      states.map(({ saw }) => saw).join(', '),
      states.flatMap(({ findings }) => findings),
    );
  });
}

function replicasOf(name: string, deployment: KubeObject | undefined): { saw: string; findings: readonly Finding[] } {
  if (deployment === undefined) {
    const what = `There is no Deployment ${name} in ${ownNamespace}`;
    return { saw: `${name} is missing`, findings: [found('not-installed', what)] };
  }
  const wanted = numberIn(deployment['spec'], 'replicas') ?? 1;
  const available = numberIn(deployment['status'], 'availableReplicas') ?? 0;
  const saw = `${name} ${available} of ${wanted} available`;
  const what = `Deployment ${name} has ${available} of ${wanted} replicas available`;
  if (wanted === 0) {
    const start = `Start it again: kubectl -n ${ownNamespace} scale deployment ${name} --replicas=2.`;
    return { saw, findings: [found('no-replica', `Deployment ${name} is scaled to no replica`, start)] };
  }
  if (available === 0) return { saw, findings: [found('no-replica', what)] };
  return { saw, findings: available < wanted ? [found('too-few-replicas', what)] : [] };
}

function numberIn(object: unknown, field: string): number | undefined {
  const value = isObject(object) ? object[field] : undefined;
  return typeof value === 'number' ? value : undefined;
}

export function checkOptions({ options }: Observations, { installation, options: read }: Knowledge): CheckResult {
  return checkSeen(options, (map) => {
    if (installation === undefined || installation.ok) {
      const { revision, failurePreset, native } = read;
      const names = answeredRevisions(read).join(', ');
      return checked(`revision ${revision}, answers to ${names}, failurePreset ${failurePreset}, native ${native}`);
    }
    return checked(
      map === undefined ? 'there are none' : 'they cannot be read',
      installation.error.map((problem) => found('options-unreadable', problemLine(problem))),
    );
  });
}

export function checkControl(observed: Observations, { options }: Knowledge): CheckResult {
  const result = checkLease(observed);
  const { controlRole } = observed;
  if (!options.jobCompletion || result.kind !== 'checked' || controlRole.kind === 'hidden') return result;
  const rules = controlRole.value?.['rules'];
  if (Array.isArray(rules) && rules.some((rule) => isObject(rule) && speaksOf(rule, portForwards))) return result;
  const what = `ClusterRole ${names.control} has no rule for ${portForwards.plural}`;
  return checked(result.saw, [...result.findings, found('job-completion-not-allowed', what)]);
}

function speaksOf({ resources }: JsonObject, { plural }: Resource): boolean {
  return Array.isArray(resources) && resources.includes(plural);
}

function checkLease({ lease, now }: Observations): CheckResult {
  return checkSeen(lease, (object) => {
    const spec: JsonObject = isObject(object?.['spec']) ? object['spec'] : {};
    const { holderIdentity: holder } = spec;
    if (typeof holder === 'string' && holder !== '') return leading(holder, spec, now);
    const state = object === undefined ? 'is not there' : 'has no holder';
    return checked('nobody leads', [found('no-leader', `Lease ${names.lease} in ${ownNamespace} ${state}`)]);
  });
}

function leading(holder: string, { renewTime, leaseDurationSeconds }: JsonObject, now: Date): CheckResult {
  const renewed = new Date(String(renewTime));
  if (Number.isNaN(renewed.getTime())) return unchecked(`Lease ${names.lease} has no renewTime that can be read`);
  const ageMs = now.getTime() - renewed.getTime();
  const lateMs = ageMs - (typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 15) * 1000;
  const ago = ageMs < 1000 ? 'just now' : `${Math.round(ageMs / 1000)} s ago`;
  if (lateMs <= clockSkewMs) return checked(`${holder} leads, renewed ${ago}`);
  return checked('nobody leads', [found('leader-silent', `${quoted(holder)} renewed Lease ${names.lease} ${ago}`)]);
}
