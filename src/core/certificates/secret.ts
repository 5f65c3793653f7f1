// Answers: what does the Secret pillion-certificates hold, and what does it look like when it is written. The webhook's
// pods mount tls.crt and tls.key of it; the rest is for control alone.
// Does not belong here: what should stand in it (plan.ts).
import { ownLabels } from '../cluster/labels.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import { isObject, parseJson } from '../model/json.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { quoted } from '../model/problem.ts';
import { type Authority, type Leaf, printBundle, readBundle, readLeaf, readSigner, type Signer } from './x509.ts';

/** Keys of the Secret. Public: other programs may write tls.crt, tls.key and ca.crt in our place. */
export const secretKeys = {
  /** The certificate of the webhook, and its key. */
  leaf: 'tls.crt',
  leafKey: 'tls.key',
  /** Every authority that the registration has to trust, newest first. */
  bundle: 'ca.crt',
  /** The authority that signs now, and its key. */
  signer: 'ca-signing.crt',
  signerKey: 'ca.key',
  /** The authority that signs as soon as the registration trusts it, and its key; only during a change. */
  successor: 'ca-next.crt',
  successorKey: 'ca-next.key',
} as const;

/** Annotations of the Secret. */
export const secretAnnotations = {
  /** An operator asks for a new `leaf` or a new `authority`; taken away when it is there. */
  rotate: 'pillion.dev/rotate',
  /** JSON: since when authorities that are still trusted have not signed any more, by their SHA-256. */
  retired: 'pillion.dev/retired-authorities',
} as const;

export type RotationRequest = 'leaf' | 'authority';

/** What can be used of the Secret. */
export interface CertificateSecret {
  readonly leaf: Leaf | undefined;
  readonly bundle: readonly Authority[];
  readonly signer: Signer | undefined;
  readonly successor: Signer | undefined;
  /** When each authority, by id, stopped signing. */
  readonly retired: ReadonlyMap<string, Date>;
  readonly request: RotationRequest | undefined;
  /** What is there and cannot be used, in words; never what is in a key. */
  readonly faults: readonly string[];
}

export const emptySecret: CertificateSecret = {
  leaf: undefined,
  bundle: [],
  signer: undefined,
  successor: undefined,
  retired: new Map(),
  request: undefined,
  faults: [],
};

/** Reads a Secret as the API server gives it; what cannot be used counts as absent, and is told. */
export function readSecret(object: KubeObject): CertificateSecret {
  const data = isObject(object['data']) ? object['data'] : {};
  const faults: string[] = [];
  const text = (key: string): string => {
    const value = data[key];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '';
  };
  const pair = <T>(read: (cert: string, key: string) => T | undefined, certKey: string, keyKey: string) => {
    const [cert, key] = [text(certKey), text(keyKey)];
    if (cert === '' && key === '') return undefined;
    const found = read(cert, key);
    const what = certKey === secretKeys.leaf ? 'certificate with its key' : 'authority of ours with its key';
    if (found === undefined) faults.push(`${certKey} and ${keyKey} are no ${what}`);
    return found;
  };
  const { authorities, unreadable } = readBundle(text(secretKeys.bundle));
  if (unreadable > 0) faults.push(`${secretKeys.bundle} holds something that is no certificate`);
  return {
    leaf: pair(readLeaf, secretKeys.leaf, secretKeys.leafKey),
    bundle: authorities,
    signer: pair(readSigner, secretKeys.signer, secretKeys.signerKey),
    successor: pair(readSigner, secretKeys.successor, secretKeys.successorKey),
    retired: readRetired(object, faults),
    request: readRequest(object, faults),
    faults,
  };
}

function readRetired({ metadata }: KubeObject, faults: string[]): ReadonlyMap<string, Date> {
  const text = metadata.annotations?.[secretAnnotations.retired];
  if (text === undefined) return new Map();
  const value = parseJson(text);
  const entries = Object.entries(isObject(value) ? value : {}).map(
    ([id, since]) => [id, new Date(typeof since === 'string' ? since : Number.NaN)] as const,
  );
  const good = entries.filter(([, since]) => !Number.isNaN(since.getTime()));
  if (!isObject(value) || good.length < entries.length) {
    faults.push(`annotation ${secretAnnotations.retired} cannot be read`);
  }
  return new Map(good);
}

function readRequest({ metadata }: KubeObject, faults: string[]): RotationRequest | undefined {
  const text = metadata.annotations?.[secretAnnotations.rotate];
  if (text === undefined || text === 'leaf' || text === 'authority') return text;
  faults.push(`annotation ${secretAnnotations.rotate} is ${quoted(text)}; it must be leaf or authority`);
  return undefined;
}

/** What the Secret should hold. */
export type CertificateContents = Omit<CertificateSecret, 'faults'>;

/**
 * The Secret with these contents: the one that is there, changed, or a new one. Type, labels and keys that are not ours
 * stay, and the resourceVersion too, so that a write over somebody else's is a conflict.
 */
export function printSecret(contents: CertificateContents, before: KubeObject | undefined): KubeObject {
  const data: Record<string, unknown> = { ...(isObject(before?.['data']) ? before['data'] : {}) };
  const put = (key: string, text: string | undefined): void => {
    if (text === undefined) delete data[key];
    else data[key] = Buffer.from(text).toString('base64');
  };
  // a Secret of that type, as other programs make it, must have both keys, and the type cannot be changed
  const none = before?.['type'] === 'kubernetes.io/tls' ? '' : undefined;
  put(secretKeys.leaf, contents.leaf?.chain ?? none);
  put(secretKeys.leafKey, contents.leaf?.key ?? none);
  put(secretKeys.bundle, printBundle(contents.bundle));
  put(secretKeys.signer, contents.signer?.pem);
  put(secretKeys.signerKey, contents.signer?.key);
  put(secretKeys.successor, contents.successor?.pem);
  put(secretKeys.successorKey, contents.successor?.key);
  const base: KubeObject = before ?? {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: names.certificates, namespace: ownNamespace, labels: ownLabels('control') },
  };
  return {
    ...base,
    metadata: { ...base.metadata, annotations: annotationsOf(contents, base.metadata.annotations) },
    data,
  };
}

function annotationsOf(
  { retired, request }: CertificateContents,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const { [secretAnnotations.rotate]: _request, [secretAnnotations.retired]: _retired, ...others } = before;
  const since = Object.fromEntries([...retired].map(([id, date]) => [id, date.toISOString()]));
  return {
    ...others,
    ...(request === undefined ? {} : { [secretAnnotations.rotate]: request }),
    ...(retired.size === 0 ? {} : { [secretAnnotations.retired]: JSON.stringify(since) }),
  };
}
