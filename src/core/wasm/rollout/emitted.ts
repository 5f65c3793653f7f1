// Answers: by which objects of Istio is an extension switched on: WasmPlugins, or, for a configuration that is no JSON
// object, an EnvoyFilter. Nothing is left to a default: an absent priority, for one, is the lowest there is to Istio.
// Source: Istio, extensions.istio.io/v1alpha1 WasmPlugin; istiod puts a pull secret into the module's environment where
// the url is a file, so none is ever written there.
// Does not belong here: when they are written (rollout.ts), the filter inside of an EnvoyFilter (envoy-filter.ts).
import { ownLabels } from '../../cluster/labels.ts';
import { resources } from '../../cluster/resources.ts';
import type { JsonObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import type { StringMap } from '../../model/pod.ts';
import { ok, type Result } from '../../model/problem.ts';
import { deliveryOf } from '../delivery/delivery.ts';
import { hexOf } from '../digests.ts';
import type { Extension, Revision } from '../extension.ts';
import { type Delivery, deliveryLabel, modulePath } from '../names.ts';
import type { Refusal } from '../refusals.ts';
import { envoyFilterSpec } from './envoy-filter.ts';
import { rootIdOf } from './prints.ts';

/** Where an extension stands. */
export interface Surroundings {
  /** Its namespace is Istio's root namespace: it selects pods of the whole mesh. */
  readonly isRoot: boolean;
  /** Labels of its namespace; undefined where nobody knows them. */
  readonly namespaceLabels: StringMap | undefined;
  /** Some pod that it selects was told to pull for itself. */
  readonly hasPullingPods: boolean;
}

/** One way to the proxies: which pods go it. */
export interface Way {
  readonly delivery: Delivery;
  /** All that the extension selects, or those alone whose label says that they go this way. */
  readonly pods: 'all' | 'labelled';
}

/**
 * The ways that the extension's module takes. Pods that pull keep their way when their namespace turns to the node store,
 * until they are gone: they have no mount.
 */
export function waysOf(extension: Extension, surroundings: Surroundings): Result<readonly Way[], Refusal> {
  const { isRoot, namespaceLabels, hasPullingPods } = surroundings;
  // of the root namespace the labels say nothing: each pod is judged by its own
  const decided = deliveryOf(extension, isRoot ? undefined : namespaceLabels);
  if (!decided.ok) return decided;
  if (decided.value.delivery === 'agent-pull') return ok([{ delivery: 'agent-pull', pods: 'all' }]);
  const store: Way = { delivery: 'node-store', pods: 'labelled' };
  const pulls = mayPullBeside(extension) && (isRoot || hasPullingPods);
  return ok(pulls ? [store, { delivery: 'agent-pull', pods: 'labelled' }] : [store]);
}

/** Whether some pods may pull for themselves where the others have the store. */
export function mayPullBeside({ rawConfig, delivery }: Pick<Extension, 'rawConfig' | 'delivery'>): boolean {
  return rawConfig === undefined && delivery === 'auto';
}

/** The objects for these ways, with the extension as their owner. */
export function emittedObjects(extension: Extension, revision: Revision, ways: readonly Way[]): readonly KubeObject[] {
  return ways.map((way, at) => {
    const name = at === 0 ? extension.name : `${extension.name}-${way.delivery}`;
    const { apiVersion, kind } = extension.rawConfig === undefined ? resources.wasmPlugins : resources.envoyFilters;
    return {
      apiVersion,
      kind,
      metadata: {
        name,
        namespace: extension.namespace,
        labels: ownLabels(),
        ownerReferences: [ownerOf(resources.wasmExtensions, extension)],
      },
      spec:
        extension.rawConfig === undefined
          ? wasmPluginSpec(extension, revision, way)
          : envoyFilterSpec(extension, revision, selectedLabels(extension, way)),
    };
  });
}

/** The reference that has an object go with its owner. */
export function ownerOf(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  { name, uid }: { readonly name: string; readonly uid: string },
) {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false };
}

function selectedLabels({ matchLabels }: Extension, { delivery, pods }: Way): StringMap {
  return pods === 'all' ? matchLabels : { ...matchLabels, [deliveryLabel]: delivery };
}

const modes = {
  inbound: 'SERVER',
  outbound: 'CLIENT',
  gateway: 'CLIENT',
  any: 'CLIENT_AND_SERVER',
} as const satisfies Record<Extension['traffic'], string>;

function wasmPluginSpec(extension: Extension, revision: Revision, way: Way): JsonObject {
  const { phase, priority, failStrategy, traffic, pluginConfig, vmEnv } = extension;
  const matchLabels = selectedLabels(extension, way);
  const rootId = rootIdOf(extension, revision);
  return {
    ...(Object.keys(matchLabels).length > 0 && { selector: { matchLabels } }),
    ...(way.delivery === 'node-store'
      ? { url: `file://${modulePath(revision.moduleDigest)}` }
      : pulled(extension, revision)),
    type: 'HTTP',
    phase,
    priority,
    failStrategy,
    match: [{ mode: modes[traffic] }],
    ...(rootId !== undefined && { pluginName: rootId }),
    ...(pluginConfig !== undefined && { pluginConfig }),
    ...(vmEnv.length > 0 && { vmConfig: { env: vmEnv.map(environmentEntry) } }),
  };
}

/** To Istio `sha256` is that of the manifest for an image, and that of the module for anything else. */
function pulled({ pullSecret }: Extension, { pinned, manifestDigest, moduleDigest }: Revision): JsonObject {
  return {
    url: pinned,
    sha256: hexOf(manifestDigest ?? moduleDigest),
    imagePullPolicy: 'IfNotPresent',
    ...(pullSecret !== undefined && { imagePullSecret: pullSecret }),
  };
}

function environmentEntry({ name, value, fromHost }: Extension['vmEnv'][number]): JsonObject {
  if (fromHost) return { name, valueFrom: 'HOST' };
  return { name, valueFrom: 'INLINE', ...(value !== undefined && { value }) };
}
