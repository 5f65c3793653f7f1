// Answers: what may stand in an annotation. One parser per kind of value; each says what is allowed when it refuses.
// Does not belong here: which annotation has which kind (catalogue.ts).
import { z } from 'zod';
import { isDigest } from '../model/digest.ts';
import type { Overrides, Status } from '../model/injection-record.ts';
import { isObject, type JsonObject, parseJson } from '../model/json.ts';
import type { Container, StringMap } from '../model/pod.ts';
import { fail, ok, type Result } from '../model/problem.ts';
import { isQuantity } from '../model/quantity.ts';
import type { ProxyConfig } from '../model/settings.ts';
import { checkProxyConfig, readProxyConfig } from '../proxy-config/proxy-config.ts';

/** Reads the text of one annotation; the error is what is allowed, as the end of a sentence. */
export type Parser<T> = (text: string) => Result<T, string>;

const decimal = /^[0-9]+$/;
const largestPort = 65_535;
const largestInt32 = 2_147_483_647;
const interfaceName = /^[a-zA-Z][a-zA-Z0-9_.-]*$/;
const longestInterfaceName = 15;
/** Each is a volume of the pod. */
const mostModules = 20;
const ipv4 = z.ipv4();
const ipv6 = z.ipv6();

/** Any text is allowed. */
export const text: Parser<string> = ok;

/** Exactly one of the words. */
export function oneOf<const T extends string>(...words: readonly T[]): Parser<T> {
  return (value) => {
    const word = words.find((candidate) => candidate === value);
    return word === undefined ? fail(`must be ${words.join(', ')}`) : ok(word);
  };
}

/** A port; surrounding spaces are allowed, and the text is kept as it was written. */
export const port: Parser<string> = (value) =>
  isPort(value) ? ok(value) : fail(`must be a port, 0 to ${largestPort}`);

/** A comma-separated list of ports, possibly empty; the text is kept as it was written. */
export const portList: Parser<string> = (value) =>
  value.trim() === '' || value.trim().split(',').every(isPort)
    ? ok(value)
    : fail(`must be a comma-separated list of ports, 0 to ${largestPort}`);

/** A port list, or `*` for all. */
export const portListOrAll: Parser<string> = (value) =>
  value === '*' || portList(value).ok ? ok(value) : fail('must be "*" or a comma-separated list of ports, 0 to 65535');

/** A comma-separated list of CIDRs without spaces, possibly empty. */
export const cidrList: Parser<string> = (value) =>
  value === '' || value.split(',').every(isCidr)
    ? ok(value)
    : fail('must be a comma-separated list of CIDRs without spaces, such as "10.0.0.0/8,fd00::/64"');

/** A CIDR list, or `*` for all. */
export const cidrListOrAll: Parser<string> = (value) =>
  value === '*' || cidrList(value).ok
    ? ok(value)
    : fail('must be "*" or a comma-separated list of CIDRs without spaces, such as "10.0.0.0/8,fd00::/64"');

/** A comma-separated list of network interfaces (Linux: IFNAMSIZ leaves 15 characters), possibly empty. */
export const interfaceList: Parser<string> = (value) =>
  value === '' || value.split(',').every(isInterface)
    ? ok(value)
    : fail(`must be a comma-separated list of interface names of at most ${longestInterfaceName} characters`);

/** A count that Kubernetes can hold in an int32. */
export const count: Parser<number> = (value) =>
  decimal.test(value) && Number(value) <= largestInt32
    ? ok(Number(value))
    : fail(`must be a whole number, 0 to ${largestInt32}`);

/** The spellings of a boolean that Go's strconv.ParseBool knows. */
export function readBoolean(value: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  return undefined;
}

export const boolean: Parser<boolean> = (value) => {
  const read = readBoolean(value);
  return read === undefined ? fail('must be "true" or "false"') : ok(read);
};

/** A boolean that is ignored where it cannot be read. */
export const lenientBoolean: Parser<boolean | undefined> = (value) => ok(readBoolean(value));

export const quantity: Parser<string> = (value) =>
  isQuantity(value) ? ok(value) : fail('must be a Kubernetes quantity, such as "100m" or "128Mi"');

/** A comma-separated list of names, trimmed. */
export const names: Parser<readonly string[]> = (value) => ok(value.split(',').map((name) => name.trim()));

/** A comma-separated list of digests of modules; repeats count once. */
export const moduleDigests: Parser<readonly `sha256:${string}`[]> = (value) => {
  const digests = value.split(',').map((part) => part.trim());
  if (digests.length <= mostModules && digests.every(isDigest)) return ok([...new Set(digests)]);
  return fail(
    `must be at most ${mostModules} digests of modules, comma-separated, each sha256: and 64 lower-case hexadecimal digits`,
  );
};

/** A piece of proxy configuration in YAML or JSON, sound when it is laid over the defaults. Written zeros count. */
export const proxyConfig: Parser<ProxyConfig> = (value) => {
  const read = readProxyConfig(value);
  if (!read.ok) return fail(`must be a proxy configuration: ${read.error}`);
  const mistakes = checkProxyConfig(read.value);
  return mistakes.length === 0 ? read : fail(`must be a valid proxy configuration: ${mistakes.join('; ')}`);
};

/** A JSON object whose members are objects (or a list of objects, named by their index): `{"name": {…}}`. */
export const namedObjects: Parser<readonly (readonly [string, JsonObject])[]> = (value) => {
  const json = parseJson(value);
  if (typeof json !== 'object' || json === null)
    return fail('must be a JSON object of objects, such as {"my-volume": {…}}');
  const entries = Object.entries(json);
  const all = entries.filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
  if (all.length !== entries.length) return fail('must be a JSON object whose members are objects');
  return ok(Array.isArray(json) ? all : all.sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** Named mounts: each has to say where. */
export const namedMounts: Parser<readonly (readonly [string, JsonObject])[]> = (value) => {
  const mounts = namedObjects(value);
  if (!mounts.ok || mounts.value.every(([, { mountPath }]) => typeof mountPath === 'string')) return mounts;
  return fail(
    'must be a JSON object of mounts that each have a mountPath, such as {"my-volume": {"mountPath": "/data"}}',
  );
};

/** A JSON object of plain values, as texts; undefined where the text is none. */
export const plainObject: Parser<StringMap | undefined> = (value) => {
  const json = parseJson(value);
  if (!isObject(json)) return ok(undefined);
  return ok(Object.fromEntries(Object.entries(json).map(([key, member]) => [key, plain(member)])));
};

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export const overrides: Parser<Overrides> = (value) => {
  const json = parseJson(value);
  const refused = fail(
    'must be what the injection wrote there, {"containers": […], "initContainers": […]}; remove the annotation',
  );
  if (json === null) return ok({ containers: [], initContainers: [] });
  if (!isObject(json)) return refused;
  const { containers = [], initContainers = [] } = json;
  return areContainers(containers) && areContainers(initContainers) ? ok({ containers, initContainers }) : refused;
};

function areContainers(value: unknown): value is readonly Container[] {
  return Array.isArray(value) && value.every((element) => isObject(element) && typeof element['name'] === 'string');
}

const unreadable: Status = { readable: false, containers: [], initContainers: [] };

export const status: Parser<Status> = (value) => {
  const json = parseJson(value);
  if (!isObject(json)) return ok(unreadable);
  const containers = json['containers'] ?? [];
  const initContainers = json['initContainers'] ?? [];
  return ok(
    areNames(containers) && areNames(initContainers) ? { readable: true, containers, initContainers } : unreadable,
  );
};

function areNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}

function isPort(value: string): boolean {
  const trimmed = value.trim();
  return decimal.test(trimmed) && Number(trimmed) <= largestPort;
}

/** Host bits may be set; leading zeros may not, as they are read differently by different programs. */
function isCidr(value: string): boolean {
  const [address = '', bits = '', ...more] = value.split('/');
  if (more.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(bits)) return false;
  if (ipv4.safeParse(address).success) return Number(bits) <= 32;
  return ipv6.safeParse(address).success && Number(bits) <= 128;
}

function isInterface(value: string): boolean {
  const trimmed = value.trim();
  return trimmed.length <= longestInterfaceName && interfaceName.test(trimmed);
}
