// Answers: how does a test get an extension that was read, and revisions of modules, with what it wants to be different.
import type { Extension, Revision } from '../../../src/core/wasm/extension.ts';

const repository = 'oci://registry.example.com/team/filter';

export function digestOf(letter: string): `sha256:${string}` {
  return `sha256:${letter.repeat(64)}`;
}

/** Declares tag 1, and nothing that has a default. */
export function extensionOf(changes: Partial<Extension> = {}): Extension {
  const image = { registry: 'registry.example.com', repository: 'team/filter', tag: '1' };
  return {
    namespace: 'shop',
    name: 'hello',
    uid: 'uid-of-hello',
    generation: 3,
    resolveAsked: '',
    reference: `${repository}:1`,
    source: { kind: 'image', image },
    matchLabels: {},
    phase: 'UNSPECIFIED_PHASE',
    priority: 0,
    failStrategy: 'FAIL_CLOSE',
    onMissing: 'block',
    delivery: 'auto',
    traffic: 'inbound',
    vmEnv: [],
    ...changes,
  };
}

/** The source of another tag. */
export function tagged(tag: string): Pick<Extension, 'reference' | 'source'> {
  const image = { registry: 'registry.example.com', repository: 'team/filter', tag };
  return { reference: `${repository}:${tag}`, source: { kind: 'image', image } };
}

/** The source of a manifest. */
export function pinnedTo(letter: string): Pick<Extension, 'reference' | 'source'> {
  const image = { registry: 'registry.example.com', repository: 'team/filter', digest: digestOf(letter) };
  return { reference: `${repository}@${digestOf(letter)}`, source: { kind: 'image', image } };
}

/** Manifest of small letter, module of the same. */
export function revisionOf(letter: string, changes: Partial<Revision> = {}): Revision {
  return {
    reference: `${repository}:1`,
    pinned: `${repository}@${digestOf(letter)}`,
    variant: 'compat-oci',
    manifestDigest: digestOf(letter),
    moduleDigest: digestOf(letter),
    sizeBytes: 1_000,
    abi: '0.2.1',
    rootIds: [],
    signedBy: [],
    trusted: 'nobody',
    ...changes,
  };
}
