// Answers: why is a module, an image or an extension refused or not there yet. Public: reasons of conditions, of a
// store's modules, of events and of the command line; docs/wasm-reasons.md is made from the table.
export interface RefusalRow {
  /** Who can mend it: who wrote the declaration, who published the module, who runs the registry, or the cluster. */
  readonly fault: 'declaration' | 'publisher' | 'registry' | 'cluster';
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly passes: boolean;
  readonly doc: string;
  readonly remedy: string;
}

function row(fault: RefusalRow['fault'], passes: boolean, doc: string, remedy: string): RefusalRow {
  return { fault, passes, doc, remedy };
}

export const refusals = {
  // the reference and the declaration
  InvalidReference: row(
    'declaration',
    false,
    'The reference cannot be read.',
    'Write oci://host/name:tag, https://… with sha256, or host/name@sha256:….',
  ),
  InvalidDigest: row(
    'declaration',
    false,
    'A digest is not sha256: and 64 lower-case hexadecimal digits.',
    'Take the digest that "pillion wasm inspect" prints.',
  ),
  SourceNotAllowed: row(
    'declaration',
    false,
    'The source is of a kind that is not taken here: file://, http:// without the option, or http(s) without sha256.',
    'Push the module to a registry, or give its sha256.',
  ),
  InvalidSpec: row(
    'declaration',
    false,
    'A field of the declaration has a value that it cannot have.',
    'Mend the field as the message says.',
  ),
  Unsupported: row(
    'declaration',
    false,
    'The declaration asks for something that this version does not do.',
    'Leave it out, as the message says.',
  ),
  NameTaken: row(
    'declaration',
    true,
    'An object of the name that is to be written is there, and is not ours.',
    'Give the extension another name, or delete the other object.',
  ),
  // the registry
  RegistryUnreachable: row(
    'registry',
    true,
    'The registry does not answer, or breaks off.',
    'It is asked again by itself.',
  ),
  RateLimited: row('registry', true, 'The registry asks to wait.', 'It is asked again when it says.'),
  Unauthorized: row(
    'registry',
    true,
    'The registry refuses the credentials, or wants some.',
    'Name a pull secret for this registry, or mend it.',
  ),
  PullSecretUnreadable: row(
    'declaration',
    true,
    'The pull secret is not there, is of another type, or may not be read.',
    'Create it in the same namespace, and let Pillion read it as the message says.',
  ),
  NotFound: row('publisher', true, 'The registry has no such image, tag or blob.', 'Push it, or mend the reference.'),
  DigestMismatch: row(
    'registry',
    false,
    'What the registry sent is not what its digest says.',
    'Look into the registry: content and digest disagree.',
  ),
  InvalidAnswer: row(
    'registry',
    false,
    'The registry answers with what no registry answers.',
    'Look at the registry, and at proxies before it.',
  ),
  // the image
  ManifestTooLarge: row(
    'publisher',
    false,
    'The manifest is larger or deeper than is allowed.',
    'Pack the module with "pillion wasm pack".',
  ),
  InvalidManifest: row(
    'publisher',
    false,
    'The manifest is no image manifest.',
    'Pack the module with "pillion wasm pack".',
  ),
  UnknownVariant: row(
    'publisher',
    false,
    'The image is of none of the two forms that proxies take.',
    'Pack the module with "pillion wasm pack".',
  ),
  TooLarge: row(
    'publisher',
    false,
    'The layer or the module is larger than is allowed.',
    'Make the module smaller (strip it, optimise it), or raise wasm.maxModuleMegabytes in the options.',
  ),
  BadArchive: row(
    'publisher',
    false,
    'The layer is no archive with one plain file plugin.wasm.',
    'Pack the module with "pillion wasm pack".',
  ),
  // the signature
  SignatureMissing: row(
    'publisher',
    true,
    'The image has no signature.',
    'Sign the digest in the message: cosign sign --key cosign.key host/name@sha256:….',
  ),
  SignatureInvalid: row(
    'publisher',
    true,
    'A signature of the image is not valid, or is one of another image.',
    'Sign the image that is meant.',
  ),
  KeyUnknown: row(
    'publisher',
    true,
    'The image is signed, but by none of the keys that are trusted, or by too few.',
    'Sign it with a trusted key, or trust the key.',
  ),
  DigestDenied: row('cluster', false, 'The digest is on the list of denied ones.', 'Use another version.'),
  // the module
  NotWasm: row(
    'publisher',
    false,
    'The file is no WebAssembly module, or a broken one.',
    'Build it anew; wat, text and native libraries are no modules.',
  ),
  IsComponent: row(
    'publisher',
    false,
    'The file is a WebAssembly component; proxies load core modules.',
    'Build for wasm32-wasip1 (core module), not wasip2.',
  ),
  AbiMissing: row(
    'publisher',
    false,
    'The module exports no Proxy-Wasm ABI version.',
    'Build it with a Proxy-Wasm SDK.',
  ),
  AbiUnsupported: row(
    'publisher',
    false,
    'The module exports a Proxy-Wasm ABI version that proxies do not know, or more than one.',
    'Build for ABI 0.2.0 or 0.2.1.',
  ),
  ExportMissing: row(
    'publisher',
    false,
    'The module lacks an export that every proxy needs.',
    'Build it with a Proxy-Wasm SDK, as a library (reactor).',
  ),
  ImportUnknown: row(
    'publisher',
    false,
    'The module imports something that the proxy does not have.',
    'Build it with a Proxy-Wasm SDK for this ABI, without other host functions.',
  ),
  // the cluster
  TrialRefused: row(
    'publisher',
    false,
    "The mesh's proxy does not load the module with this configuration, or does not answer through it.",
    'Mend the module or its configuration, as the lines of the proxy in the message say.',
  ),
  TrialImpossible: row(
    'cluster',
    true,
    'The trial could not be held.',
    'See the events of the trial pod; it is held again by itself.',
  ),
  NodesPending: row('cluster', true, 'Not every node has the module yet.', 'Wait, or see kubectl get wasmstores.'),
  NodesFailed: row(
    'cluster',
    true,
    'A node cannot get the module.',
    'See kubectl get wasmstores, which names the reason.',
  ),
  SwitchImpossible: row(
    'cluster',
    true,
    "Istio's object for the extension cannot be written.",
    'See what the API server says in the message; it is written again by itself.',
  ),
  DiskFull: row('cluster', true, 'The disk of the node is full.', 'Make room; the agent tries again by itself.'),
  StoreBroken: row(
    'cluster',
    true,
    'The store of the node cannot be written.',
    'Look at the directory on the node, and at the log of the agent.',
  ),
  PodSecurityForbids: row(
    'cluster',
    false,
    'The namespace allows no hostPath, and this extension cannot be delivered otherwise.',
    'Give it a JSON object as configuration, or allow hostPath in the namespace.',
  ),
  TagMoved: row(
    'publisher',
    true,
    'The tag names another image than the one that runs.',
    'Annotate the extension with pillion.dev/resolve to roll it out.',
  ),
} as const satisfies Record<string, RefusalRow>;

export type RefusalReason = keyof typeof refusals;

/** Why something is refused, for machines and for people. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** One sentence that names what was found and what is allowed; no secrets. */
  readonly message: string;
  /** Earliest time to ask again, where the other side says one, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

export function refusal(reason: RefusalReason, message: string, retryAfterMs?: number): Refusal {
  return { reason, message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** What to do, as the end of a message. */
export function remedyText(reason: RefusalReason): string {
  const { remedy } = refusals[reason];
  return `${remedy.charAt(0).toLowerCase()}${remedy.slice(1)}`.replace(/\.$/, '');
}
