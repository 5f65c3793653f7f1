// Answers: what does one meet of Wasm extensions who takes away what brings modules to nodes, what may become of it, and
// what is said of it before and after.
// Does not belong here: asking for it and removing it (edge/kube/extensions-there.ts).
import { resources } from '../cluster/resources.ts';
import type { KubeObject } from '../model/kube-object.ts';
import { type StorePod, storePodSelector } from '../wasm/delivery/store-pods.ts';

/** `remove`: with everything that switches them on; `keep`: they run on in the pods that have them. */
export const fates = ['remove', 'keep'] as const;
export type Fate = (typeof fates)[number];

export interface ExtensionsThere {
  readonly extensions: readonly KubeObject[];
  /** What control wrote for Istio. */
  readonly emitted: readonly KubeObject[];
  /** What agents say their nodes have. It goes with them, whatever becomes of the rest: nobody keeps it right any more. */
  readonly reports: readonly KubeObject[];
  readonly pods: readonly StorePod[];
}

export const noneThere: ExtensionsThere = { extensions: [], emitted: [], reports: [], pods: [] };

/**
 * Everything that is declared, in the order in which it goes. What proxies act by is the first: a pod that is let go once
 * its extension is gone is never told of a module that its node lacks. An old object would make its extension again.
 */
export function declaredObjects({ extensions, emitted }: ExtensionsThere): readonly KubeObject[] {
  return [...emitted, ...extensions.flatMap(oldObject), ...extensions];
}

function oldObject({ metadata }: KubeObject): readonly KubeObject[] {
  const { apiVersion, kind } = resources.filterDeployments;
  const owner = metadata.ownerReferences?.find((one) => one.kind === kind);
  if (owner?.name === undefined || metadata.namespace === undefined) return [];
  return [{ apiVersion, kind, metadata: { name: owner.name, namespace: metadata.namespace } }];
}

/** Pods that wait for a file of their node, or will once they have one. */
export function heldPods({ pods }: Pick<ExtensionsThere, 'pods'>): readonly StorePod[] {
  return pods.filter(({ isHeld }) => isHeld);
}

/** What is met, and the ways out; undefined where there is nothing to be decided. */
export function extensionsRefusal(action: string, there: ExtensionsThere): string | undefined {
  const { extensions, pods } = there;
  const held = heldPods(there);
  if (extensions.length + held.length === 0) return undefined;
  return [
    `Cannot ${action}: nobody says what becomes of`,
    `Wasm extensions: ${counted(extensions.map(nameOf))}`,
    `pods that mount modules of their node: ${pods.length}; those of them that wait to be started: ${counted(held.map(podName))}`,
    'Remove the extensions first: pillion wasm undeploy --id NAME -n NAMESPACE; proxies drop the filter, pods that wait start without',
    'Or all of them at once, in the right order: --extensions remove',
    'Or leave them: --extensions keep; proxies that have a filter go on with it, new pods start without, pods that wait have to be made anew',
  ].join('\n  ');
}

/** What is to be done about pods that still wait; undefined where none does. */
export function heldNote(pods: readonly StorePod[]): string | undefined {
  if (pods.length === 0) return undefined;
  const commands = [...new Set(pods.map(({ namespace }) => namespace))].map(
    (namespace) => `kubectl delete pods -n ${namespace} -l ${storePodSelector} --field-selector status.phase=Pending`,
  );
  const what = `pods that wait for a Wasm module which nobody brings any more: ${counted(pods.map(podName))}`;
  return [`${what}; make them anew:`, ...commands].join('\n  ');
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function podName({ namespace, name }: StorePod): string {
  return `${namespace}/${name}`;
}

const mostNamed = 5;

/** `2 (shop/one, shop/two)`. */
function counted(names: readonly string[]): string {
  if (names.length === 0) return '0';
  const more = names.length > mostNamed ? ', …' : '';
  return `${names.length} (${names.slice(0, mostNamed).join(', ')}${more})`;
}
