// Answers: can Istio's own settings be read, are they of the version whose pods we make, and do the replicas use them.
import { fewOf } from '../model/plain-text.ts';
import { problemLine } from '../model/problem.ts';
import { type CheckResult, checked, unchecked, unseen } from './check-result.ts';
import { count, type Finding, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import type { Observations, ReplicaReadiness } from './observations.ts';

/** Minor version of Istio whose injector is followed: see docs/compatibility.md. */
export const profileMinor = '1.32';

export function checkSettings({ mesh, injector, replicas }: Observations, { facts, options }: Knowledge): CheckResult {
  for (const map of [mesh, injector]) if (map.kind === 'hidden') return unseen(map);
  if (facts === undefined) return unchecked('they cannot be read');
  const behind = replicas.flatMap(replicaFindings);
  if (!facts.ok) {
    return checked('they cannot be used', [
      ...facts.error.map((problem) => found('settings-unreadable', problemLine(problem))),
      ...behind,
    ]);
  }
  const { tag } = facts.value.values.global;
  const passedOver = facts.warnings.map((warning) => found('settings-passed-over', problemLine(warning)));
  const saw = `those of revision ${options.revision} can be used, image tag ${tag}${replicaText(replicas)}`;
  return checked(saw, [...passedOver, ...versionFindings(tag), ...behind]);
}

/** A tag that is no version of Istio (`latest`, a digest, a build of one's own) tells nothing. */
function versionFindings(tag: string): readonly Finding[] {
  const [, version, minor] = /^((\d+\.\d+)[\w.-]*)$/.exec(tag) ?? [];
  if (minor === undefined || minor === profileMinor) return [];
  return [
    found(
      'other-version',
      `The control plane is of ${version}, the pods that Pillion makes are those of ${profileMinor}`,
    ),
  ];
}

/** What a replica says of settings that are not those of the cluster, or soon will not be. */
const isBehind = /last good ones|may be missed/;

function replicaFindings({ pod, conditions }: ReplicaReadiness): readonly Finding[] {
  const unmet = conditions.filter(({ met, reason }) => !met || isBehind.test(reason));
  if (unmet.length === 0) return [];
  const reasons = unmet.map(({ condition, reason }) => `${condition}: ${reason}`);
  return [found('replica-behind', `${pod}: ${fewOf(reasons)}`)];
}

/** `in use since 2026-01-01T00:00:00.000Z: configmap istio-system/istio (resourceVersion 7)`, as readiness says it. */
const inUse = /^in use since ([^:]+:\d\d:\S+): (.*)$/;

/** Which settings are in use and since when; once for all replicas that use the same. */
function replicaText(replicas: readonly ReplicaReadiness[]): string {
  const reasons = replicas.flatMap(({ conditions }) =>
    conditions.filter(({ condition, met }) => condition === 'settings' && met).map(({ reason }) => reason),
  );
  const bySources = Map.groupBy(reasons, (reason) => inUse.exec(reason)?.[2] ?? reason);
  const texts = [...bySources].map(([sources, same]) => {
    const latest = same
      .map((reason) => inUse.exec(reason)?.[1] ?? '')
      .sort()
      .at(-1);
    return `${count(same.length, 'replica')}${latest ? ` since ${latest}` : ''}: ${sources}`;
  });
  return texts.length === 0 ? '' : `; in use by ${fewOf(texts)}`;
}
