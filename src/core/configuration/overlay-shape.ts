// Answers: has a pod overlay the shape that merging it needs: mappings, texts and lists of named elements where pods
// have them. Null is allowed everywhere: it takes a field away.
// Does not belong here: whether Kubernetes would take the values; the merging itself (merge/).
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import type { Problem } from '../model/problem.ts';

type Shape =
  | { readonly kind: 'text' | 'texts' | 'texts by name' | 'any mapping' | 'any list' }
  | { readonly kind: 'mapping'; readonly members: { readonly [key: string]: Shape } }
  /** Elements are told apart by this member (the merge key of Kubernetes' strategic merge). */
  | { readonly kind: 'list'; readonly key: string; readonly of?: Shape };

const text: Shape = { kind: 'text' };
const texts: Shape = { kind: 'texts' };
const textMap: Shape = { kind: 'texts by name' };
const anyMapping: Shape = { kind: 'any mapping' };
const anyList: Shape = { kind: 'any list' };
const byName: Shape = { kind: 'list', key: 'name' };

const container: Shape = {
  kind: 'mapping',
  members: {
    image: text,
    imagePullPolicy: text,
    restartPolicy: text,
    command: texts,
    args: texts,
    env: byName,
    envFrom: anyList,
    ports: { kind: 'list', key: 'containerPort' },
    volumeMounts: { kind: 'list', key: 'mountPath' },
    volumeDevices: { kind: 'list', key: 'devicePath' },
    resources: anyMapping,
    securityContext: anyMapping,
    lifecycle: anyMapping,
    startupProbe: anyMapping,
    readinessProbe: anyMapping,
    livenessProbe: anyMapping,
  },
};
const containers: Shape = { kind: 'list', key: 'name', of: container };

const pod: Shape = {
  kind: 'mapping',
  members: {
    metadata: {
      kind: 'mapping',
      members: {
        labels: textMap,
        annotations: textMap,
        finalizers: texts,
        ownerReferences: { kind: 'list', key: 'uid' },
      },
    },
    spec: {
      kind: 'mapping',
      members: {
        containers,
        initContainers: containers,
        ephemeralContainers: containers,
        volumes: byName,
        imagePullSecrets: byName,
        schedulingGates: byName,
        resourceClaims: byName,
        hostAliases: { kind: 'list', key: 'ip' },
        topologySpreadConstraints: { kind: 'list', key: 'topologyKey' },
        tolerations: anyList,
        readinessGates: anyList,
        nodeSelector: textMap,
        affinity: anyMapping,
        securityContext: anyMapping,
        dnsConfig: anyMapping,
        serviceAccountName: text,
        nodeName: text,
      },
    },
  },
};

/** Every place where the overlay has another shape than a pod, with paths below the given one. */
export function overlayProblems(overlay: unknown, path: string): readonly Problem[] {
  const problems: Problem[] = [];
  check(overlay, pod, path, problems);
  if (isObject(overlay)) {
    const stray = Object.keys(overlay).filter((key) => !['apiVersion', 'kind', 'metadata', 'spec'].includes(key));
    for (const key of stray.filter((one) => !isDirective(one))) {
      const expected = 'must not stand here: an overlay holds metadata and spec of a pod';
      problems.push({ path: `${path}.${key}`, value: undefined, expected });
    }
  }
  return problems;
}

/** `$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…` of the strategic merge. */
function isDirective(key: string): boolean {
  return key.startsWith('$');
}

function check(value: unknown, shape: Shape, path: string, problems: Problem[]): void {
  if (value === null || value === undefined) return;
  if (shape.kind === 'text') {
    if (typeof value !== 'string')
      problems.push({ path, value: shown(value), expected: 'must be text: put it in quotes' });
  } else if (shape.kind === 'list' || shape.kind === 'texts' || shape.kind === 'any list') {
    if (!Array.isArray(value)) problems.push({ path, value: shown(value), expected: 'must be a list' });
    else for (const [at, element] of value.entries()) checkElement(element, shape, `${path}[${at}]`, problems);
  } else if (isObject(value)) {
    checkMembers(value, shape, path, problems);
  } else {
    problems.push({ path, value: shown(value), expected: 'must be a mapping' });
  }
}

function checkMembers(value: JsonObject, shape: Shape, path: string, problems: Problem[]): void {
  for (const [key, member] of Object.entries(value)) {
    if (isDirective(key)) continue;
    if (shape.kind === 'texts by name') check(member, text, `${path}["${key}"]`, problems);
    const known = shape.kind === 'mapping' && Object.hasOwn(shape.members, key) ? shape.members[key] : undefined;
    if (known !== undefined) check(member, known, `${path}.${key}`, problems);
  }
}

function checkElement(element: unknown, list: Shape, path: string, problems: Problem[]): void {
  if (list.kind === 'texts' && typeof element !== 'string') {
    problems.push({ path, value: shown(element), expected: 'must be text: put it in quotes' });
  }
  if (list.kind !== 'list') return;
  if (!isObject(element)) {
    problems.push({ path, value: shown(element), expected: `must be a mapping with ${list.key}` });
    return;
  }
  const expected = keyExpected(element[list.key], list.key);
  // `$patch: replace` alone speaks of the whole list.
  if (expected !== undefined && !Object.keys(element).some(isDirective)) {
    const value = element[list.key] === undefined ? undefined : shown(element[list.key]);
    problems.push({ path: `${path}.${list.key}`, value, expected });
  }
  if (list.of !== undefined) check(element, list.of, path, problems);
}

/** What the value of a merge key must be; undefined where it is so. */
function keyExpected(value: unknown, key: string): string | undefined {
  if (value === undefined || value === null || value === '') return 'must be set';
  if (key === 'containerPort') return Number.isInteger(value) ? undefined : 'must be a port, without quotes';
  return typeof value === 'string' ? undefined : 'must be text: put it in quotes';
}
