// Answers: can this object be read as a pod. Only the fields that we read are looked at; everything else is the API
// server's to judge.

import { withoutNulls } from './merge/strategic.ts';
import { isObject, type JsonObject } from './model/json.ts';
import { shown } from './model/plain-text.ts';
import type { Pod } from './model/pod.ts';
import { fail, ok, type Problem, type Result } from './model/problem.ts';

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isMap: Check = isObject;
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText);
const isMaps: Check = (value) => Array.isArray(value) && value.every(isObject);

const expectations = new Map<Check, string>([
  [isText, 'must be a text'],
  [isNumber, 'must be a number'],
  [isBoolean, 'must be true or false'],
  [isMap, 'must be an object'],
  [isTexts, 'must be a list of texts'],
  [isMaps, 'must be a list of objects'],
]);

const metadataFields: Record<string, Check> = {
  name: isText,
  generateName: isText,
  namespace: isText,
  labels: isMap,
  annotations: isMap,
  ownerReferences: isMaps,
};
const specFields: Record<string, Check> = {
  initContainers: isMaps,
  containers: isMaps,
  volumes: isMaps,
  imagePullSecrets: isMaps,
  hostNetwork: isBoolean,
  nodeName: isText,
  nodeSelector: isMap,
  affinity: isMap,
  serviceAccountName: isText,
  securityContext: isMap,
};
const containerFields: Record<string, Check> = {
  image: isText,
  args: isTexts,
  command: isTexts,
  env: isMaps,
  ports: isMaps,
  resources: isMap,
  restartPolicy: isText,
  volumeMounts: isMaps,
  securityContext: isMap,
  lifecycle: isMap,
  startupProbe: isMap,
  readinessProbe: isMap,
  livenessProbe: isMap,
};
const ownerFields: Record<string, Check> = { apiVersion: isText, kind: isText, name: isText, controller: isBoolean };
const portFields: Record<string, Check> = { name: isText, containerPort: isNumber };
const envFields: Record<string, Check> = { name: isText, value: isText };
const mountFields: Record<string, Check> = { name: isText, mountPath: isText };
const probeFields: Record<string, Check> = {
  httpGet: isMap,
  tcpSocket: isMap,
  grpc: isMap,
  exec: isMap,
  timeoutSeconds: isNumber,
};
const securityFields: Record<string, Check> = { runAsUser: isNumber, runAsGroup: isNumber };

/** The object as a pod, or everything that keeps it from being read as one. A null counts as absent and is dropped. */
export function readPod(raw: unknown): Result<Pod> {
  const object = withoutNulls(raw);
  if (!isObject(object)) return fail([mistake('object', raw, isMap)]);
  const problems: Problem[] = [];
  const { metadata = {}, spec = {} } = object;
  if (isObject(metadata)) checkMetadata(metadata, problems);
  else problems.push(mistake('metadata', metadata, isMap));
  if (isObject(spec)) checkSpec(spec, problems);
  else problems.push(mistake('spec', spec, isMap));
  if (problems.length > 0) return fail(problems);
  return ok(object['metadata'] && object['spec'] ? (object as unknown as Pod) : ({ ...object, metadata, spec } as Pod));
}

function checkMetadata(metadata: JsonObject, problems: Problem[]): void {
  checkFields(metadata, 'metadata', metadataFields, problems);
  for (const name of ['labels', 'annotations']) {
    const map = metadata[name];
    if (!isObject(map)) continue;
    for (const key in map) {
      if (typeof map[key] !== 'string') problems.push(mistake(`metadata.${name}["${key}"]`, map[key], isText));
    }
  }
  eachIn(metadata['ownerReferences'], 'metadata.ownerReferences', (owner, path) =>
    checkFields(owner, path, ownerFields, problems),
  );
}

function checkSpec(spec: JsonObject, problems: Problem[]): void {
  checkFields(spec, 'spec', specFields, problems);
  const seen = new Map<unknown, string>();
  for (const list of ['initContainers', 'containers']) {
    eachIn(spec[list], `spec.${list}`, (container, path) => {
      checkName(container, path, seen, problems);
      checkContainer(container, path, problems);
    });
  }
  eachIn(spec['volumes'], 'spec.volumes', (volume, path) => checkFields(volume, path, { name: isText }, problems));
}

/** Names tell the containers of a pod apart, init containers included (Kubernetes, PodSpec). */
function checkName(container: JsonObject, path: string, seen: Map<unknown, string>, problems: Problem[]): void {
  const name = container['name'];
  if (typeof name !== 'string' || name === '') {
    problems.push({
      path: `${path}.name`,
      value: name === undefined ? undefined : shown(name),
      expected: 'must be the name of the container; every container needs one',
    });
    return;
  }
  const other = seen.get(name);
  if (other !== undefined)
    problems.push({ path: `${path}.name`, value: name, expected: `must be another name than that of ${other}` });
  else seen.set(name, path);
}

function checkContainer(container: JsonObject, path: string, problems: Problem[]): void {
  checkFields(container, path, containerFields, problems);
  eachIn(container['ports'], `${path}.ports`, (port, at) => checkFields(port, at, portFields, problems));
  eachIn(container['env'], `${path}.env`, (env, at) => checkFields(env, at, envFields, problems));
  eachIn(container['volumeMounts'], `${path}.volumeMounts`, (mount, at) =>
    checkFields(mount, at, mountFields, problems),
  );
  for (const name of ['readinessProbe', 'livenessProbe', 'startupProbe'])
    checkHandler(container[name], `${path}.${name}`, problems);
  const lifecycle = container['lifecycle'];
  if (isObject(lifecycle)) {
    for (const name of ['preStop', 'postStart']) checkHandler(lifecycle[name], `${path}.lifecycle.${name}`, problems);
  }
  const security = container['securityContext'];
  if (isObject(security)) checkFields(security, `${path}.securityContext`, securityFields, problems);
}

function checkHandler(handler: unknown, path: string, problems: Problem[]): void {
  if (isObject(handler)) checkFields(handler, path, probeFields, problems);
  else if (handler !== undefined) problems.push(mistake(path, handler, isMap));
}

function checkFields(object: JsonObject, path: string, fields: Record<string, Check>, problems: Problem[]): void {
  for (const name in fields) {
    const value = object[name];
    const check = fields[name];
    if (value === undefined || check === undefined || check(value)) continue;
    problems.push(mistake(`${path}.${name}`, value, check));
  }
}

function eachIn(list: unknown, path: string, visit: (element: JsonObject, path: string) => void): void {
  if (!Array.isArray(list)) return;
  for (const [index, element] of list.entries()) if (isObject(element)) visit(element, `${path}[${index}]`);
}

function mistake(path: string, value: unknown, check: Check): Problem {
  return {
    path,
    value: value === undefined ? undefined : shown(value),
    expected: expectations.get(check) ?? 'must be of another type',
  };
}
