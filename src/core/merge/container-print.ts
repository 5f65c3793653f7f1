// Answers: what is left of a container that a user wrote, when Kubernetes prints it. The API's types drop zero values
// of plain fields and keep those of pointers; only what is left overrides a template.
// Source: the omitempty tags and pointer fields of k8s.io/api/core/v1 Container.
import { isObject, type JsonObject } from '../model/json.ts';
import type { Container } from '../model/pod.ts';

/** Fields that the API keeps though they are zero: pointers, and strings and ports without omitempty. */
const keptWhenZero: ReadonlySet<string> = new Set([
  'runAsUser',
  'runAsGroup',
  'runAsNonRoot',
  'privileged',
  'readOnlyRootFilesystem',
  'allowPrivilegeEscalation',
  'hostProcess',
  'optional',
  'terminationGracePeriodSeconds',
  'port',
  'name',
  'mountPath',
  'containerPort',
  'resource',
  'divisor',
  'type',
  'service',
  'fieldPath',
  'key',
  'devicePath',
]);
/** Maps of amounts under free keys, in which every value was written on purpose; the API prints amounts as text. */
const freeMaps: ReadonlySet<string> = new Set(['limits', 'requests']);

/** The container without zero values that the API would not keep. */
export function printedContainer(container: Container): Container {
  const { resources = {}, ...rest } = container;
  return { ...(printed(rest) as Omit<Container, 'resources'>), resources: printed(resources) as JsonObject };
}

function printed(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((element) => (isObject(element) ? printed(element) : element));
  if (!isObject(value)) return value;
  if (freeMaps.has(name))
    return Object.fromEntries(Object.entries(value).map(([key, amount]) => [key, String(amount)]));
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (isDropped(member) && !(keptWhenZero.has(key) && member !== null)) continue;
    result[key] = printed(member, key);
  }
  return result;
}

function isDropped(member: unknown): boolean {
  return (
    member === undefined ||
    member === null ||
    member === '' ||
    member === 0 ||
    member === false ||
    (Array.isArray(member) && member.length === 0)
  );
}
