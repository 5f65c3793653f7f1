// Answers: what may stand in the status of our kinds: that of a WasmExtension, which control writes, and that of a
// WasmStore, which the agent of a node writes.
// Does not belong here: what it means (extension.ts).
import { conditionTypes } from '../extension.ts';
import { list, listBy, mapping, type Schema, text, whole, words } from './schema.ts';

const digest = text(71, { pattern: '^sha256:[0-9a-f]{64}$' });
const longestMessage = 4_096;
const mostNames = 100;

const revision = mapping(
  {
    reference: text(1_100),
    pinned: text(1_100),
    variant: text(32),
    manifestDigest: digest,
    indexDigest: digest,
    layerDigest: digest,
    moduleDigest: digest,
    sizeBytes: whole({ format: 'int64', minimum: 0 }),
    abi: text(16),
    rootIds: list(text(1_024), mostNames),
    signedBy: list(text(256), mostNames),
    trusted: text(64),
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
  wanted: whole(),
  ready: whole(),
  failed: list(mapping({ node: text(253), reason: text(64), message: text(256) }), 20),
});

const pods = mapping({
  selected: whole(),
  delivered: whole(),
  waiting: whole(),
  without: whole(),
  list: list(mapping({ pod: text(512), digest: text(71), reason: text(256) }), 20),
});

export const extensionStatusSchema: Schema = mapping({
  observedGeneration: whole({ format: 'int64' }),
  resolvedFor: text(1_024),
  conditions: listBy('type', condition, conditionTypes.length),
  candidate: revision,
  active: revision,
  previous: revision,
  moved: mapping({ manifestDigest: digest }),
  tried: list(text(64), 20),
  nodes,
  pods,
  shown: mapping({ digest: text(64), nodes: text(64), pods: text(64) }),
});

export const storeStatusSchema: Schema = mapping({
  nodeUID: text(64),
  agentVersion: text(64),
  usedBytes: whole({ format: 'int64', minimum: 0 }),
  modules: listBy(
    'digest',
    mapping(
      {
        digest,
        state: words(['Fetching', 'Ready', 'Failed']),
        reason: text(64),
        message: text(256),
        attempts: whole({ minimum: 0 }),
        nextRetryTime: { type: 'string', format: 'date-time' },
        sizeBytes: whole({ format: 'int64', minimum: 0 }),
      },
      { required: ['digest', 'state'] },
    ),
    10_000,
  ),
});
