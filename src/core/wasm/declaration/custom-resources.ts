// Answers: which kinds does an installation add to the API server, and what may stand in their objects. What a schema
// can say is said here, so that a wrong declaration is refused when it is written; the rest is told in its status.
// Source: Kubernetes, apiextensions.k8s.io/v1 CustomResourceDefinition.
// Does not belong here: reading the objects (read-extension.ts, standing.ts), the old kind (filter-deployment-kind.ts).
import type { ClusterOptions } from '../../cluster/options.ts';
import { resources } from '../../cluster/resources.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { askedDeliveries, failStrategies, onMissings, phases, traffics } from '../extension.ts';
import { trustModes } from '../trust.ts';
import { bounds } from './bounds.ts';
import { filterDeploymentKind } from './filter-deployment-kind.ts';
import { kindObject, kindSchema } from './kind-object.ts';
import { described, listBy, mapping, open, rules, text, whole, words } from './schema.ts';
import { extensionStatusSchema, storeStatusSchema } from './status-schema.ts';

/** The kinds that the options ask for; none unless Wasm extensions are switched on. */
export function customResources({ wasm }: Pick<ClusterOptions, 'wasm'>): readonly KubeObject[] {
  if (!wasm.enabled) return [];
  return [wasmExtensionKind, wasmStoreKind, ...(wasm.filterDeployments ? [filterDeploymentKind] : [])];
}

const hexDigest = '^(sha256:)?[0-9a-f]{64}$';

const source = mapping(
  {
    image: described(
      text(bounds.reference, { minLength: 1 }),
      'Image in a registry: oci://host/name:tag, the same without oci://, or by digest: host/name@sha256:….',
    ),
    url: described(
      text(bounds.reference, { pattern: '^https?://' }),
      'Where the module is to be had without a registry: https://…; needs sha256.',
    ),
    sha256: described(
      text(71, { pattern: hexDigest }),
      'sha256 of the module behind url, with or without "sha256:" in front.',
    ),
  },
  {
    description: 'Where the module is to be had.',
    ...rules(
      { rule: 'has(self.image) != has(self.url)', message: 'must have either image or url' },
      { rule: '!has(self.url) || has(self.sha256)', message: 'url needs the sha256 of the module' },
      {
        rule: '!has(self.sha256) || has(self.url)',
        message: 'sha256 is for url alone; pin an image with @sha256: of its manifest',
      },
    ),
  },
);

const trust = mapping(
  {
    signatures: described(
      words(trustModes, 'enforce'),
      'Refuse an image without such signatures, only tell of it, or do not look. Write "off" in quotes.',
    ),
    keys: described(
      listBy(
        'name',
        mapping(
          {
            name: text(bounds.keyName, { minLength: 1, description: 'Name of the key, for messages.' }),
            pem: text(bounds.pem, { pattern: '^\\s*-----BEGIN PUBLIC KEY-----', description: 'Public key, PEM.' }),
          },
          { required: ['name', 'pem'] },
        ),
        bounds.keys,
      ),
      'Public keys whose cosign signatures count; absent: those of the installation.',
    ),
    threshold: described(
      whole({ minimum: 1, maximum: bounds.threshold.most, default: 1 }),
      'How many of the keys have to have signed.',
    ),
  },
  {
    description: 'Whose signatures count, besides those that the options of the installation ask for.',
    ...rules({
      rule: "self.signatures == 'off' || !has(self.keys) || size(self.keys) == 0 || self.threshold <= size(self.keys)",
      message: 'threshold must be at most the number of keys',
    }),
  },
);

const selector = mapping(
  {
    matchLabels: {
      type: 'object',
      maxProperties: 64,
      additionalProperties: text(63, { pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$' }),
      description: 'Labels that a pod has to have, all of them.',
    },
  },
  { description: "Which pods; absent: all of the namespace, and in Istio's root namespace all of the mesh." },
);

const vmConfig = mapping(
  {
    env: listBy(
      'name',
      mapping(
        {
          name: text(bounds.envName, { minLength: 1 }),
          value: text(bounds.envValue),
          valueFrom: described(words(['INLINE', 'HOST'], 'INLINE'), "The value written here, or the proxy's own."),
        },
        {
          required: ['name'],
          ...rules({ rule: "self.valueFrom != 'HOST' || !has(self.value)", message: 'value is for INLINE alone' }),
        },
      ),
      bounds.envEntries,
    ),
  },
  { description: 'Environment of the module.' },
);

const extensionSpec = mapping(
  {
    source,
    pullSecret: described(
      text(bounds.secretName, { minLength: 1 }),
      'Secret of the same namespace with credentials for the registry.',
    ),
    trust,
    selector,
    phase: described(
      words(phases, 'UNSPECIFIED_PHASE'),
      "Where in the chain of filters it stands: before Istio's authentication, authorization or statistics; unspecified: after them, before the router.",
    ),
    priority: described(
      whole({ format: 'int32', minimum: bounds.priority.least, maximum: bounds.priority.most, default: 0 }),
      'Order within the phase: the higher comes first.',
    ),
    failStrategy: described(
      words(failStrategies, 'FAIL_CLOSE'),
      'What happens to requests once the module has failed: 503 (FAIL_CLOSE), without it (FAIL_OPEN), or a new machine is made (FAIL_RELOAD, Istio 1.27 and later).',
    ),
    onMissing: described(
      words(onMissings, 'block'),
      'What happens to a pod whose node does not have the module yet: it waits, or starts without. deny is not there yet.',
    ),
    delivery: described(
      words(askedDeliveries, 'auto'),
      'How the module comes to the proxy: as its namespace allows, by the node, or pulled by its own agent. image-volume is not there yet.',
    ),
    traffic: described(words(traffics, 'inbound'), 'Which requests pass through it. gateway is not there yet.'),
    pluginName: described(
      text(bounds.pluginName, { minLength: 1 }),
      'Root id of the plugin; absent: the first one that the image names.',
    ),
    pluginConfig: described(open({ type: 'object' }), 'Configuration that the filter gets as JSON.'),
    rawConfig: described(text(bounds.rawConfig), 'Configuration that is no JSON object, as the filter gets it.'),
    vmConfig,
  },
  {
    description: 'What is declared.',
    required: ['source'],
    ...rules(
      {
        rule: '!(has(self.pluginConfig) && has(self.rawConfig))',
        message: 'must have pluginConfig or rawConfig, not both',
      },
      { rule: '!has(self.pullSecret) || has(self.source.image)', message: 'pullSecret is for images alone' },
      {
        rule: "!has(self.rawConfig) || (self.phase == 'UNSPECIFIED_PHASE' && self.onMissing != 'run-without' && self.delivery != 'agent-pull')",
        message: 'with rawConfig there is no phase, no onMissing: run-without and no delivery: agent-pull',
      },
    ),
  },
);

const ready = (field: string): string => `.status.conditions[?(@.type=="Ready")].${field}`;

const wasmExtensionKind = kindObject(resources.wasmExtensions, {
  singular: 'wasmextension',
  shortNames: ['wext'],
  hasStatus: true,
  schema: kindSchema(
    'A Proxy-Wasm module in the proxies of some pods: resolved once, verified, tried, put on every node, then switched on.',
    { spec: extensionSpec, status: extensionStatusSchema },
    ['spec'],
  ),
  columns: [
    { name: 'Phase', type: 'string', jsonPath: '.spec.phase' },
    { name: 'Priority', type: 'integer', jsonPath: '.spec.priority' },
    { name: 'Active', type: 'string', jsonPath: '.status.shown.digest', description: 'Module that proxies run' },
    {
      name: 'Nodes',
      type: 'string',
      jsonPath: '.status.shown.nodes',
      description: 'Nodes that have it, of those that need it',
    },
    {
      name: 'Pods',
      type: 'string',
      jsonPath: '.status.shown.pods',
      description: 'Pods that run it, of those it selects',
    },
    { name: 'Ready', type: 'string', jsonPath: ready('status') },
    { name: 'Reason', type: 'string', jsonPath: ready('reason') },
    { name: 'Source', type: 'string', jsonPath: '.status.active.pinned', priority: 1 },
    { name: 'Message', type: 'string', jsonPath: ready('message'), priority: 1 },
  ],
});

const wasmStoreKind = kindObject(resources.wasmStores, {
  singular: 'wasmstore',
  shortNames: ['wstore'],
  hasStatus: false,
  schema: kindSchema(
    'What the store of a node holds; named as the node and written by its agent.',
    { status: storeStatusSchema },
    [],
  ),
  columns: [
    { name: 'Agent', type: 'string', jsonPath: '.status.agentVersion' },
    { name: 'Used', type: 'integer', jsonPath: '.status.usedBytes', description: 'Bytes' },
    { name: 'Failed', type: 'string', jsonPath: '.status.modules[?(@.state=="Failed")].reason' },
    { name: 'Message', type: 'string', jsonPath: '.status.modules[?(@.state=="Failed")].message', priority: 1 },
  ],
});
