// Answers: which image, URL or file does a reference name.
// Does not belong here: asking a registry anything (edge/registry).
import { fail, ok, quoted, type Result } from '../../model/problem.ts';
import { isDigest, type ManifestDigest, type ModuleDigest } from '../digests.ts';
import { type Refusal, refusal } from '../refusals.ts';
import type { ImageReference, ModuleSource } from '../source.ts';

export interface SourceOptions {
  /** Digest of the module's bytes, `sha256:` and 64 digits or the digits alone: HTTP sources have to have one. */
  readonly moduleDigest?: string;
  /** Whether `http://` is taken; without it only `https://`. */
  readonly allowHttp?: boolean;
  /** Whether `file://` is taken, as on the command line; without it, it is refused as SourceNotAllowed. */
  readonly allowFile?: boolean;
}

const longestReference = 2_048;
/** Of host and repository together, as registries limit it. */
const longestName = 255;

const schemeForm = /^([a-z][a-z0-9+.-]*):\/\//i;
const hostForm =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*|\[[0-9a-f:]{2,45}\])(?::[0-9]{1,5})?$/;
const componentForm = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const notPrinted = /[\s\u0000-\u001f\u007f-\uffff]/;

/**
 * Reads what stands in `url`, `image` or on a command line: `oci://…`, a bare image reference, `https://…`, `file://…`.
 * Source of the rules: OCI distribution-spec 1.1, and distribution/reference for references without a host.
 */
export function readSource(text: string, options: SourceOptions = {}): Result<ModuleSource, Refusal> {
  const scheme = schemeForm.exec(text)?.[1];
  if (scheme === undefined || scheme === 'oci') {
    const image = readImageReference(text);
    return image.ok ? ok({ kind: 'image', image: image.value }) : image;
  }
  if (scheme === 'https' || scheme === 'http') return readHttp(text, options);
  if (scheme === 'file') return readFile(text, options);
  return invalid(text, `its scheme is ${quoted(scheme)}, not oci, https or http`);
}

/**
 * Reads an image reference, with or without `oci://`. Without a host it is one of docker.io, where a name of one part is
 * in `library`; `index.docker.io` is docker.io. The first part is a host where it has a dot or a port or is localhost.
 */
export function readImageReference(text: string): Result<ImageReference, Refusal> {
  if (text.length > longestReference) return invalid(text, `it has more than ${longestReference} characters`);
  const bare = text.startsWith('oci://') ? text.slice('oci://'.length) : text;
  const flaw = flawOf(bare);
  if (flaw !== undefined) return invalid(text, flaw);
  const [named, ...digests] = bare.split('@');
  const [digest] = digests;
  if (digests.length > 1) return invalid(text, 'it has more than one "@"');
  const read = digest === undefined ? undefined : readManifestDigest(digest);
  if (read?.ok === false) return read;
  const name = readName(named ?? '');
  if (typeof name === 'string') return invalid(text, name);
  return ok({ ...name, ...(read !== undefined && { digest: read.value }) });
}

/** Reads `https://…`, and `http://…` where it is allowed, into the form in which it is asked. */
export function readUrl(text: string, { allowHttp }: Pick<SourceOptions, 'allowHttp'>): Result<string, Refusal> {
  const flaw = httpFlawOf(text);
  if (flaw !== undefined) return invalid(text, flaw);
  const { href, protocol } = new URL(text);
  if (protocol !== 'http:' || allowHttp === true) return ok(href);
  return notAllowed(text, 'http:// is taken only where the option wasm.httpSources is on');
}

/** Reads the digest of a module: `sha256:` and 64 digits, or the digits alone. */
export function readDigest(text: string): Result<ModuleDigest, Refusal> {
  const digest = text.includes(':') ? text : `sha256:${text}`;
  return isDigest(digest) ? ok(digest) : fail(badDigest(text));
}

/** `oci://host/name:tag@sha256:…`, of tag and digest what is there. */
export function referenceText({ registry, repository, tag, digest }: ImageReference): string {
  const name = `oci://${registry}/${repository}`;
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** `oci://host/name@sha256:…`: the same image, whatever becomes of its tag. */
export function pinnedText({ registry, repository }: ImageReference, digest: ManifestDigest): string {
  return `oci://${registry}/${repository}@${digest}`;
}

function invalid(text: string, state: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('InvalidReference', `Cannot read the reference ${quoted(withoutCredentials(text))}: ${state}`));
}

/** What stands between scheme and `@` may be a password; a query may hold what gives access. */
function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@(?!sha\d)/i, '$1…@').replace(/\?.*$/s, '?…');
}

function badDigest(text: string): Refusal {
  const other = /^(sha\d+|[a-z0-9+._-]+):/.exec(text)?.[1];
  const state =
    other === undefined || other === 'sha256'
      ? 'it is not sha256: and 64 lower-case hexadecimal digits'
      : `its algorithm is ${quoted(other)}, and only sha256 is taken`;
  return refusal('InvalidDigest', `Cannot read the digest ${quoted(text)}: ${state}`);
}

function readManifestDigest(text: string): Result<ManifestDigest, Refusal> {
  if (isDigest(text)) return ok(text);
  if (/^sha\d+:/.test(text)) return fail(badDigest(text));
  return invalid(`…@${text}`, 'what follows "@" is no digest; user names and passwords belong into a pull secret');
}

/** What no image reference has, whatever its parts are. */
function flawOf(bare: string): string | undefined {
  if (bare === '') return 'it is empty';
  if (notPrinted.test(bare)) return 'it has white space or characters outside ASCII';
  if (/[?#]/.test(bare)) return 'it has a query or a fragment';
  if (bare.includes('://')) return 'it has two schemes';
  return undefined;
}

/** Host, repository and tag; a text says what is wrong with them. */
function readName(named: string): Omit<ImageReference, 'digest'> | string {
  const { host, path } = splitHost(named);
  const colon = path.lastIndexOf(':');
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  const written = colon < 0 ? path : path.slice(0, colon);
  if (tag !== undefined && !tagForm.test(tag)) return `${quoted(tag)} is no tag`;
  // 256.1.1.1 and host:99999 have the form, but nothing can be asked of them
  if (!hostForm.test(host) || !URL.canParse(`https://${host}/`)) {
    return `${quoted(host)} is no host, in lower case and with a port at most`;
  }
  const parts = written.split('/');
  const bad = parts.find((part) => !componentForm.test(part));
  if (bad === '') return 'a part of its name is empty';
  if (bad !== undefined)
    return `${quoted(bad)} is no part of a name: lower-case letters, digits and single . _ - between them`;
  const repository = host === 'docker.io' && parts.length === 1 ? `library/${written}` : written;
  if (host.length + 1 + repository.length > longestName) return `its name has more than ${longestName} characters`;
  return { registry: host, repository, ...(tag !== undefined && { tag }) };
}

function splitHost(named: string): { readonly host: string; readonly path: string } {
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  if (!/[.:]/.test(first) && first !== 'localhost' && first === first.toLowerCase() && first !== '') {
    return { host: 'docker.io', path: named };
  }
  if (slash < 0) return { host: 'docker.io', path: named };
  return { host: first === 'index.docker.io' ? 'docker.io' : first, path: named.slice(slash + 1) };
}

function readHttp(text: string, options: SourceOptions): Result<ModuleSource, Refusal> {
  const url = readUrl(text, options);
  if (!url.ok) return url;
  if (options.moduleDigest === undefined) return notAllowed(text, 'without sha256, nobody knows which module is meant');
  const digest = readDigest(options.moduleDigest);
  return digest.ok ? ok({ kind: 'http', url: url.value, moduleDigest: digest.value }) : digest;
}

function httpFlawOf(text: string): string | undefined {
  if (text.length > longestReference) return `it has more than ${longestReference} characters`;
  if (notPrinted.test(text)) return 'it has white space or characters outside ASCII';
  if (text.includes('\\') || !URL.canParse(text)) return 'it is no URL';
  const { username, password, hash } = new URL(text);
  if (username !== '' || password !== '' || /^[^/]*:\/\/[^/]*@/.test(text)) return 'it has a user name or a password';
  if (hash !== '' || text.includes('#')) return 'it has a fragment';
  return undefined;
}

function readFile(text: string, { allowFile }: SourceOptions): Result<ModuleSource, Refusal> {
  const path = text.slice('file://'.length);
  if (allowFile !== true) return notAllowed(text, 'a file of one machine is on no other');
  if (!path.startsWith('/') || path.includes('\0')) return invalid(text, 'its path does not begin with "/"');
  return ok({ kind: 'file', path });
}

function notAllowed(text: string, state: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('SourceNotAllowed', `Cannot take a module from ${quoted(withoutCredentials(text))}: ${state}`));
}
