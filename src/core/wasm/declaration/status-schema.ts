// Answers: what may stand in the status of our kinds: that of a WasmExtension, which control writes, and that of a
// WasmStore, which the agent of a node writes.
// Does not belong here: what it means (extension.ts).
import { conditionTypes, moduleStates } from '../extension.ts';
import { bounds } from './bounds.ts';
import { described, list, listBy, mapping, open, type Schema, text, whole, words } from './schema.ts';

const digest = text(71, { pattern: '^sha256:[0-9a-f]{64}$' });
const longestMessage = 4_096;
const mostNames = 100;

const revision = mapping(
  {
    reference: described(text(1_100), 'As it was declared.'),
    pinned: described(text(1_100), 'The same by digest: what nodes and proxies fetch.'),
    variant: described(text(32), 'Form in which the module is published.'),
    manifestDigest: described(digest, 'Of the image.'),
    indexDigest: described(digest, 'Of the index that the tag named, where it named one.'),
    layerDigest: described(digest, 'Of the layer that holds the module.'),
    moduleDigest: described(digest, 'Of the module itself, and so the name of its file on nodes.'),
    sizeBytes: described(whole({ format: 'int64', minimum: 0 }), 'Of the module.'),
    abi: described(text(16), 'Version of the Proxy-Wasm ABI.'),
    rootIds: described(list(text(1_024), mostNames), 'Root ids that the image names.'),
    signedBy: described(list(text(256), mostNames), 'Keys that have signed it.'),
    trusted: described(text(64), 'Fingerprint of the keys and rules that it was verified with.'),
  },
  { required: ['reference', 'pinned', 'variant', 'moduleDigest'] },
);

const condition = mapping(
  {
    type: words(conditionTypes),
    status: words(['True', 'False', 'Unknown']),
    reason: text(64),
    message: text(longestMessage),
    observedGeneration: whole({ format: 'int64' }),
    lastTransitionTime: { type: 'string', format: 'date-time' },
  },
  { required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
);

const nodes = mapping({
  wanted: described(whole(), 'Nodes that need the module.'),
  ready: described(whole(), 'Those of them that have it.'),
  failed: list(mapping({ node: text(253), reason: text(64), message: text(256) }), 20),
});

const pods = mapping({
  selected: described(whole(), 'Pods that it selects, with a proxy.'),
  delivered: described(whole(), 'Those of them that run it.'),
  waiting: described(whole(), 'Those whose proxy does not run yet.'),
  without: described(whole(), 'Those that run without it.'),
  list: described(
    list(mapping({ pod: text(512), digest: text(71), reason: text(256) }), 20),
    'Some of them, with the reason where one does not run it.',
  ),
});

export const extensionStatusSchema: Schema = mapping(
  {
    observedGeneration: described(whole({ format: 'int64' }), 'Generation of the declaration that this is about.'),
    resolvedFor: described(
      text(bounds.resolveAsked),
      'Value of annotation pillion.dev/resolve that the tag was resolved for.',
    ),
    conditions: described(
      listBy('type', condition, conditionTypes.length),
      `How far it is on its road: ${conditionTypes.join(', ')}. The reasons are those of docs/wasm-reasons.md.`,
    ),
    candidate: described(revision, 'On its way: nodes fetch it, and no proxy is told of it yet.'),
    active: described(revision, 'What proxies run.'),
    previous: described(revision, 'What ran before it; "pillion wasm rollback" goes back there.'),
    running: described(
      open({ type: 'object', 'x-kubernetes-map-type': 'atomic' }),
      'The declaration, without its source, that what is active was switched on with.',
    ),
    moved: mapping(
      { manifestDigest: digest },
      { description: 'What the tag names now, where that is another image. It is rolled out only when asked.' },
    ),
    tried: described(list(text(64), 20), 'Digests of module, configuration and proxy that have passed their trial.'),
    nodes: described(nodes, 'How many nodes have the module; absent where proxies pull it for themselves.'),
    pods: described(pods, 'How many pods run it.'),
    shown: mapping(
      { digest: text(64), nodes: text(64), pods: text(64) },
      { description: 'The columns of kubectl get.' },
    ),
  },
  { description: 'How it gets on; written by pillion control.' },
);

const storedModule = mapping(
  {
    digest: described(digest, 'Of the module: the name of its file.'),
    state: words(moduleStates),
    reason: described(text(64), 'Why it failed: a reason of docs/wasm-reasons.md.'),
    message: text(256),
    attempts: described(whole({ minimum: 0 }), 'How often it was asked for in vain.'),
    nextRetryTime: described({ type: 'string', format: 'date-time' }, 'When it is asked for again.'),
    sizeBytes: whole({ format: 'int64', minimum: 0 }),
  },
  { required: ['digest', 'state'] },
);

export const storeStatusSchema: Schema = mapping(
  {
    nodeUID: described(text(64), 'Of the node that this is about: one made anew under the same name is another.'),
    agentVersion: described(text(64), 'Version of the agent that wrote this.'),
    usedBytes: described(whole({ format: 'int64', minimum: 0 }), 'Of all modules together.'),
    modules: described(listBy('digest', storedModule, 10_000), 'Modules that are there, on their way, or failed.'),
  },
  { description: 'What the agent of the node has seen.' },
);
