// Answers: would PodSecurity, or a ResourceQuota, of an opted-in namespace refuse a pod because of what injection adds.
// Source: the levels baseline and restricted of the Pod Security Standards, as far as an injected container or volume
// can break them.
import { admit } from '../admit.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { fewOf } from '../model/plain-text.ts';
import type { Container, Pod } from '../model/pod.ts';
import { type CheckResult, checked, checkSeen, unchecked, unseen } from './check-result.ts';
import { count, type Finding, found } from './findings.ts';
import { areCalledFor, type Knowledge } from './knowledge.ts';
import type { NamespaceView, Observations } from './observations.ts';
import { probePod } from './probes.ts';
import { reviewOf } from './reach.ts';

export type Level = 'baseline' | 'restricted';
const enforceLabel = 'pod-security.kubernetes.io/enforce';

const baselineCapabilities: ReadonlySet<unknown> = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);
const restrictedVolumes =
  'configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret'.split(' ');

export function checkPodSecurity({ namespaces }: Observations, known: Knowledge): CheckResult {
  if (!known.facts?.ok) return unchecked('the settings cannot be read');
  return checkSeen(namespaces, (list) => {
    const enforcing = list.filter((one) => levelOf(one) !== undefined && areCalledFor(known, one, {}));
    const findings = (['baseline', 'restricted'] as const).flatMap((level) =>
      levelFindings(
        level,
        enforcing.filter((one) => levelOf(one) === level),
        known,
      ),
    );
    return checked(`levels of ${count(enforcing.length, 'opted-in namespace')}`, findings);
  });
}

function levelOf({ labels }: NamespaceView): Level | undefined {
  const level = labels[enforceLabel];
  return level === 'baseline' || level === 'restricted' ? level : undefined;
}

function levelFindings(level: Level, namespaces: readonly NamespaceView[], known: Knowledge): readonly Finding[] {
  const [first] = namespaces;
  if (first === undefined) return [];
  const where = `${count(namespaces.length, 'namespace')} with level ${level} (${fewOf(namespaces.map(({ name }) => name))})`;
  const violations = violationsOf(injectedSample(first, known, true), level);
  if (violations.length > 0) return [found('pod-security-refuses', `${where}: ${fewOf(violations)}`)];
  const narrow = violationsOf(injectedSample(first, known, false), level);
  if (narrow.length > 0) return [found('pod-security-depends', `${where}: ${fewOf(narrow)}`)];
  return [];
}

/** What becomes of a pod that any level lets through, with its security context for the whole pod or its container. */
function injectedSample({ name }: NamespaceView, { facts }: Knowledge, isPodWide: boolean): Pod | undefined {
  if (!facts?.ok) return undefined;
  const pod = probePod('injection', { namespace: name, labels: {} }) as JsonObject & Pod;
  const { securityContext: wide = {}, ...spec } = pod.spec;
  const containers = spec.containers?.map((one) => ({ ...one, securityContext: { ...wide, ...one.securityContext } }));
  const object = isPodWide ? pod : { ...pod, spec: { ...spec, containers } };
  const verdict = admit(reviewOf(object, name), facts.value);
  return verdict.kind === 'inject' ? verdict.pod : undefined;
}

/** Everything on the pod that the level forbids, each in a few words; none for a pod that is not injected. */
export function violationsOf(pod: Pod | undefined, level: Level): readonly string[] {
  if (pod === undefined) return [];
  const { initContainers = [], containers = [], volumes = [], securityContext = {} } = pod.spec;
  const all = [...initContainers, ...containers];
  return [
    ...volumes.flatMap(({ name, ...source }) =>
      isAllowedVolume(Object.keys(source), level) ? [] : [`volume ${name} is of a kind that is not allowed`],
    ),
    ...all.flatMap((container) => baselineViolations(container)),
    ...(level === 'baseline' ? [] : all.flatMap((container) => restrictedViolations(container, securityContext))),
  ];
}

/** A volume that names no source is an emptyDir. */
function isAllowedVolume(sources: readonly string[], level: Level): boolean {
  if (level === 'baseline') return !sources.includes('hostPath');
  return sources.length === 0 || sources.some((source) => restrictedVolumes.includes(source));
}

function baselineViolations({ name, securityContext = {}, ports = [] }: Container): readonly string[] {
  const added = capabilities(securityContext.capabilities, 'add').filter((one) => !baselineCapabilities.has(one));
  return [
    ...(securityContext.privileged ? [`${name} is privileged`] : []),
    ...(added.length > 0 ? [`${name} adds ${added.join(', ')}`] : []),
    ...(ports.some(({ hostPort }) => hostPort !== undefined && hostPort !== 0) ? [`${name} has a host port`] : []),
    ...(securityContext.seccompProfile?.['type'] === 'Unconfined' ? [`${name} has no seccomp profile`] : []),
  ];
}

function restrictedViolations({ name, securityContext = {} }: Container, wide: JsonObject): readonly string[] {
  const { allowPrivilegeEscalation, runAsNonRoot = wide['runAsNonRoot'], runAsUser, seccompProfile } = securityContext;
  const profile = seccompProfile ?? wide['seccompProfile'];
  const dropped = capabilities(securityContext.capabilities, 'drop');
  const added = capabilities(securityContext.capabilities, 'add').filter((one) => one !== 'NET_BIND_SERVICE');
  return [
    ...(allowPrivilegeEscalation === false ? [] : [`${name} may escalate privileges`]),
    ...(runAsNonRoot === true ? [] : [`${name} may run as root`]),
    ...(runAsUser === 0 ? [`${name} runs as root`] : []),
    ...(isObject(profile) ? [] : [`${name} sets no seccompProfile`]),
    ...(dropped.includes('ALL') ? [] : [`${name} does not drop ALL capabilities`]),
    ...(added.some((one) => baselineCapabilities.has(one)) ? [`${name} adds ${added.join(', ')}`] : []),
  ];
}

function capabilities(value: JsonObject | undefined, field: 'add' | 'drop'): readonly unknown[] {
  const list = value?.[field];
  return Array.isArray(list) ? list : [];
}

/** Resources that, once counted, every container has to declare. */
const counted: Readonly<Record<string, readonly ['requests' | 'limits', string]>> = {
  cpu: ['requests', 'cpu'],
  memory: ['requests', 'memory'],
  'requests.cpu': ['requests', 'cpu'],
  'requests.memory': ['requests', 'memory'],
  'limits.cpu': ['limits', 'cpu'],
  'limits.memory': ['limits', 'memory'],
};

export function checkQuotas({ quotas, namespaces }: Observations, known: Knowledge): CheckResult {
  if (!known.facts?.ok) return unchecked('the settings cannot be read');
  if (namespaces.kind === 'hidden') return unseen(namespaces);
  return checkSeen(quotas, (list) => {
    const opted = new Map(namespaces.value.filter((one) => areCalledFor(known, one, {})).map((one) => [one.name, one]));
    const relevant = list.filter(({ namespace }) => opted.has(namespace));
    // one finding for all that miss the same: quotas are often the same everywhere
    const missing = Map.groupBy(relevant, ({ namespace, resources }) =>
      fewOf(missingResources(injectedSample(opted.get(namespace) as NamespaceView, known, true), resources)),
    );
    const findings = [...missing].flatMap(([what, quotas]) => {
      if (what === '') return [];
      const places = fewOf(quotas.map(({ name, namespace }) => `${name} in ${namespace}`));
      return [found('quota-refuses', `${places}: ${what}`)];
    });
    return checked(`${count(relevant.length, 'quota')} in opted-in namespaces`, findings);
  });
}

function missingResources(pod: Pod | undefined, resources: readonly string[]): readonly string[] {
  const { initContainers = [], containers = [] } = pod?.spec ?? {};
  return [...initContainers, ...containers].flatMap(({ name, resources: declared = {} }) => {
    const undeclared = resources.filter((resource) => {
      const [kind, of] = counted[resource] ?? [];
      if (kind === undefined || of === undefined) return false;
      const has = (one: 'requests' | 'limits'): boolean => {
        const list = declared[one];
        return isObject(list) && list[of] !== undefined;
      };
      return !has(kind) && !(kind === 'requests' && has('limits')); // a limit alone is a request too
    });
    return undeclared.length === 0 ? [] : [`${name} declares no ${undeclared.join(', ')}`];
  });
}
