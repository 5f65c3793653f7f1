// Answers: which credentials does a pull secret hold, and which of them are meant for an image. Rules: the kubelet's
// (k8s.io/kubernetes/pkg/credentialprovider), so that a secret that works for images of pods works here.
import { isObject, parseJson } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import { type Refusal, refusal } from '../refusals.ts';
import type { ImageReference } from '../source.ts';

/** What one registry is shown. Must not be logged. */
export type Credential =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** OAuth2 refresh token: exchanged for a bearer token at the registry's realm. */
  | { readonly kind: 'identity-token'; readonly token: string }
  /** A bearer token, ready to be sent. */
  | { readonly kind: 'registry-token'; readonly token: string };

/** For the images whose registry and repository start so. */
export interface CredentialEntry {
  /** Host labels, which may hold `*`. */
  readonly hostLabels: readonly string[];
  readonly port: string;
  /** Empty, or `/team`: what the repository has to start with. */
  readonly path: string;
  readonly credential: Credential;
}

export interface Credentials {
  /** The closest match of an image comes first. */
  readonly entries: readonly CredentialEntry[];
  /** What was left out, each one sentence without secrets. */
  readonly warnings: readonly string[];
}

/** Secrets are at most this long in Kubernetes. */
const longestConfig = 1024 * 1024;
const mostEntries = 1_000;

const keys: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
};

/** The credentials of a Secret of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg. */
export function readPullSecret(secret: KubeObject): Result<Credentials, Refusal> {
  const type = typeof secret['type'] === 'string' ? secret['type'] : '';
  const key = keys[type];
  const name = quoted(secret.metadata.name);
  if (key === undefined) {
    const allowed = Object.keys(keys).join(' and ');
    return unreadable(`Cannot use the secret ${name}: it is of type ${quoted(type)}, taken are ${allowed}`);
  }
  const data = isObject(secret['data']) ? secret['data'][key] : undefined;
  if (typeof data !== 'string') return unreadable(`Cannot use the secret ${name}: it has no data under ${quoted(key)}`);
  if (data.length > longestConfig * 2) return unreadable(`Cannot use the secret ${name}: it is too large`);
  const read = readDockerConfig(Buffer.from(data, 'base64').toString('utf8'));
  return read.ok ? read : unreadable(`Cannot use the secret ${name}: ${read.error.message}`);
}

/**
 * The credentials of a `config.json` as docker writes it, or of the older form without `auths`. Helpers that would have
 * to be called are left out with a warning. Refuses what is no such document.
 */
export function readDockerConfig(text: string): Result<Credentials, Refusal> {
  const config = text.length > longestConfig ? undefined : parseJson(text);
  if (!isObject(config)) return unreadable('Cannot read the credentials: they are no JSON object of docker');
  const auths = isObject(config['auths']) ? config['auths'] : isOldForm(config) ? config : {};
  const warnings = ['credHelpers', 'credsStore']
    .filter((helper) => config[helper] !== undefined)
    .map(
      (helper) => `Cannot use "${helper}" of the credentials: helpers are programs, which are not called; leave it out`,
    );
  const all = Object.entries(auths);
  if (all.length > mostEntries) return unreadable(`Cannot read the credentials: more than ${mostEntries} registries`);
  const entries = all.map(([key, auth]) => readEntry(key, auth));
  return ok({
    entries: entries.filter((entry) => typeof entry !== 'string').sort(byClosest),
    warnings: [...warnings, ...entries.filter((entry) => typeof entry === 'string')],
  });
}

/** The entry, or why there is none. */
function readEntry(key: string, auth: unknown): CredentialEntry | string {
  const unusable = `Cannot use the credentials for ${shownKey(key)}`;
  const place = placeOf(key);
  if (place === undefined) return `${unusable}: the key is no registry; write host, host:port or host/path`;
  const credential = isObject(auth) ? readCredential(auth) : undefined;
  if (credential !== undefined) return { ...place, credential };
  return `${unusable}: they hold none of "auth", "username" and "password", "identitytoken" and "registrytoken"`;
}

/** The credential that the kubelet would try first for the image; undefined where none is meant for it. */
export function credentialFor(credentials: Credentials | undefined, image: ImageReference): Credential | undefined {
  return credentials?.entries.find((entry) => isFor(entry, image))?.credential;
}

/** Keys are no secrets, but for user information that somebody wrote into one. */
function shownKey(key: string): string {
  return key.includes('@') ? 'a key with user information' : quoted(key);
}

function unreadable(message: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('PullSecretUnreadable', message));
}

/** The form of `.dockercfg`: the registries themselves. */
function isOldForm(config: Readonly<Record<string, unknown>>): boolean {
  return config['auths'] === undefined && Object.values(config).some((value) => isObject(value) && hasFields(value));
}

function hasFields(auth: Readonly<Record<string, unknown>>): boolean {
  return ['auth', 'username', 'identitytoken', 'registrytoken'].some((field) => auth[field] !== undefined);
}

/** Docker's order: a token wins over the pair, and `auth` over the pair that is written out. */
function readCredential(auth: Readonly<Record<string, unknown>>): Credential | undefined {
  const identity = tokenOf(auth['identitytoken']);
  if (identity !== undefined) return { kind: 'identity-token', token: identity };
  const bearer = tokenOf(auth['registrytoken']);
  if (bearer !== undefined) return { kind: 'registry-token', token: bearer };
  if (typeof auth['auth'] === 'string' && auth['auth'] !== '') return decodePair(auth['auth']);
  const { username, password } = auth;
  if (typeof username !== 'string' || username === '' || typeof password !== 'string') return undefined;
  return { kind: 'password', username, password };
}

/** Only what can stand in a header. */
function tokenOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined;
}

function decodePair(auth: string): Credential | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}\s*$/.test(auth)) return undefined;
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  // older clients padded the password with NUL
  let end = text.length;
  while (text[end - 1] === '\0') end -= 1;
  return { kind: 'password', username: text.slice(0, colon), password: text.slice(colon + 1, end) };
}

/** Docker Hub has one name in references and others in credentials. */
const dockerHub: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Host, port and path of a key: `https://host/v1/`, `host:5000`, `*.example.com/team`; undefined for anything else. */
function placeOf(key: string): Omit<CredentialEntry, 'credential'> | undefined {
  const match = /^(?:https?:\/\/)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9*._-]+)(?::(\d{1,5}))?(\/[^?#\s]*)?$/.exec(key);
  if (match === null) return undefined;
  const [, host = '', port = '', written = ''] = match;
  const path = written.replace(/^\/v[12](?=\/|$)/, '');
  return { hostLabels: labelsOf(host), port, path: path === '/' ? '' : path };
}

function labelsOf(host: string): readonly string[] {
  const lower = host.toLowerCase();
  if (lower.startsWith('[')) return [lower];
  return (dockerHub.has(lower) ? 'docker.io' : lower).split('.');
}

/** Reverse order of the keys: a longer path before a shorter one, a name before a pattern. */
function byClosest(one: CredentialEntry, other: CredentialEntry): number {
  const [first, second] = [keyOf(one), keyOf(other)];
  return first < second ? 1 : first > second ? -1 : 0;
}

function keyOf({ hostLabels, port, path }: CredentialEntry): string {
  return `${hostLabels.join('.')}${port && `:${port}`}${path}`;
}

function isFor(entry: CredentialEntry, { registry, repository }: ImageReference): boolean {
  const place = placeOf(registry);
  if (place === undefined || place.port !== entry.port || place.hostLabels.length !== entry.hostLabels.length)
    return false;
  if (!`/${repository}`.startsWith(entry.path)) return false;
  return entry.hostLabels.every((pattern, at) => fits(pattern, place.hostLabels[at] ?? ''));
}

/** True where the label is of the pattern, in which `*` stands for any text. */
function fits(pattern: string, label: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === label;
  if (!label.startsWith(first) || label.length < first.length + last.length || !label.endsWith(last)) return false;
  const end = label.length - last.length;
  let from = first.length;
  for (const part of rest) {
    const found = label.indexOf(part, from);
    if (found < 0 || found + part.length > end) return false;
    from = found + part.length;
  }
  return true;
}
