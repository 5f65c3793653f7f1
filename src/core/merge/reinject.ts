// Answers: how does an injection treat what an earlier one left on the pod, and what the user had defined under the
// names that it uses.
import type { Overrides, Status } from '../model/injection-record.ts';
import {
  type Container,
  initContainerName,
  type Pod,
  proxyContainerName,
  validationContainerName,
} from '../model/pod.ts';
import { printedContainer } from './container-print.ts';
import { mergeOverlay } from './strategic.ts';

export type ContainerList = 'containers' | 'initContainers';
export const containerLists: readonly ContainerList[] = ['containers', 'initContainers'];

/** The image of a container that has to name one but leaves the choice to the template. */
const automaticImage = 'auto';
const noOverrides: Overrides = { containers: [], initContainers: [] };

/**
 * The pod as it would look if nothing had been injected: without what the status lists, and with the containers that the
 * user had defined himself. Only templates see this view; what is patched is the pod as it came.
 */
export function templateView(pod: Pod, status: Status | undefined, overrides: Overrides = noOverrides): Pod {
  if (status?.readable !== true && overrides === noOverrides) return pod;
  const spec: { containers?: readonly Container[]; initContainers?: readonly Container[] } = { ...pod.spec };
  const origins = overridesByOrigin(overrides);
  for (const list of containerLists) {
    const injected = status?.readable === true ? status[list] : [];
    const kept = (pod.spec[list] ?? []).filter(({ name }) => !injected.includes(name));
    const missing = origins[list].filter(({ name }) => !kept.some((container) => container.name === name));
    spec[list] = proxyLast([...kept, ...missing]);
  }
  return { ...pod, spec };
}

/** Where the user's istio-proxy stood among the containers is not written down; behind the others is the custom. */
function proxyLast(containers: readonly Container[]): readonly Container[] {
  const isProxy = ({ name }: Container): boolean => name === proxyContainerName;
  return [...containers.filter((container) => !isProxy(container)), ...containers.filter(isProxy)];
}

/**
 * The annotation lists a container where the template has it. A native istio-proxy without a restart policy of its own
 * was written among the containers, where its ports count.
 */
function overridesByOrigin({ containers, initContainers }: Overrides): Overrides {
  const moved = initContainers.filter(
    ({ name, restartPolicy }) => name === proxyContainerName && restartPolicy === undefined,
  );
  if (moved.length === 0) return { containers, initContainers };
  return {
    containers: [...containers, ...moved],
    initContainers: initContainers.filter((container) => !moved.includes(container)),
  };
}

/** What was re-applied, for the annotation; and the pod with it. */
export interface Reapplied {
  readonly pod: Pod;
  readonly overrides: Overrides;
}

export interface ReapplyInput {
  /** The pod with the templates merged onto it. */
  readonly merged: Pod;
  /** The pod as it came. */
  readonly original: Pod;
  /** What the templates contributed. */
  readonly template: Pod;
  readonly status: Status | undefined;
  readonly earlier: Overrides | undefined;
}

/**
 * Lets the user's version of a container win over the template's, field by field. After an earlier injection the
 * user's version is the one in the annotation, because the container of the pod is the injected one by then.
 */
export function reapplyUserContainers({
  merged,
  original,
  template,
  status,
  earlier = noOverrides,
}: ReapplyInput): Reapplied {
  let pod = merged;
  const applied: { containers: Container[]; initContainers: Container[] } = { containers: [], initContainers: [] };
  for (const list of containerLists) {
    for (const { name } of template.spec[list] ?? []) {
      const user = usersVersion(name, list, { original, status, earlier });
      if (user === undefined) continue;
      const { image, ...rest } = printedContainer(user);
      const overlay = image === undefined || image === automaticImage ? rest : { ...rest, image };
      applied[list].push(overlay as Container);
      pod = mergeOverlay(pod, { spec: { [list]: [overlay] } });
    }
  }
  return { pod, overrides: applied };
}

type Sources = Pick<ReapplyInput, 'original' | 'status'> & { readonly earlier: Overrides };

/**
 * What the user defined under the name. A container that an earlier injection listed is its own work and no wish of the
 * user's, unless it was plain and is native now: there the old container counts as the user's, as at the peer.
 */
function usersVersion(
  name: string,
  list: ContainerList,
  { original, status, earlier }: Sources,
): Container | undefined {
  const named = (container: Container): boolean => container.name === name;
  const other: ContainerList = list === 'containers' ? 'initContainers' : 'containers';
  const remembered = earlier[list].find(named) ?? earlier[other].find(named);
  if (remembered !== undefined) return forList(remembered, list);
  if (status?.[list].includes(name)) return undefined;
  const { containers, initContainers } = original.spec;
  if (list === 'initContainers') return containers?.find(named) ?? initContainers?.find(named);
  const own = containers?.find(named);
  if (own !== undefined) return forList(own, list);
  if (name !== proxyContainerName || status?.initContainers.includes(name)) return undefined;
  const misplaced = initContainers?.find(named);
  return misplaced && forList(misplaced, list);
}

/** Only init containers have a restart policy of their own. */
function forList(container: Container, list: ContainerList): Container {
  if (list === 'initContainers' || container.restartPolicy === undefined) return container;
  const { restartPolicy: _native, ...rest } = container;
  return rest;
}

/**
 * Puts the user's istio-proxy into the list in which the template has it, so that the two become one container. A
 * native proxy that an earlier injection put among the init containers moves too, where the template is plain now.
 */
export function moveProxyTo(list: ContainerList, pod: Pod): Pod {
  const from: ContainerList = list === 'containers' ? 'initContainers' : 'containers';
  const proxy = pod.spec[from]?.find(({ name }) => name === proxyContainerName);
  if (proxy === undefined) return pod;
  const rest = (pod.spec[from] ?? []).filter((container) => container !== proxy);
  return { ...pod, spec: { ...pod.spec, [from]: rest, [list]: [...(pod.spec[list] ?? []), forList(proxy, list)] } };
}

export interface UserIds {
  /** The pod as it came: what the user set there counts. */
  readonly user: Container | undefined;
  readonly tproxy: boolean;
}

/**
 * Follows a user id that the user gave the proxy: the redirection must leave out the traffic of that user, and the
 * validation has to run as the same one. With TPROXY the proxy has to be root.
 */
export function followProxyUser(pod: Pod, { user, tproxy }: UserIds): Pod {
  const { runAsUser, runAsGroup } = user?.securityContext ?? {};
  if (runAsUser === undefined && runAsGroup === undefined) return pod;
  const init = [initContainerName, validationContainerName]
    .map((name) => pod.spec.initContainers?.find((container) => container.name === name))
    .find((container) => container !== undefined);
  if (init === undefined) return pod;
  const replaced = new Map<Container, Container>();
  if (tproxy && runAsUser !== undefined) {
    const proxy = findProxyIn(pod);
    if (proxy !== undefined)
      replaced.set(proxy, { ...proxy, securityContext: { ...proxy.securityContext, runAsUser: 0 } });
  }
  let followed = init;
  if (!tproxy && init.name === validationContainerName) {
    const ids = { ...(runAsUser !== undefined && { runAsUser }), ...(runAsGroup !== undefined && { runAsGroup }) };
    followed = { ...followed, securityContext: { ...followed.securityContext, ...ids } };
  }
  if (runAsUser) followed = { ...followed, args: withUser(followed.args ?? [], runAsUser) };
  replaced.set(init, followed);
  return replaceContainers(pod, (container) => replaced.get(container) ?? container);
}

function findProxyIn({ spec }: Pod): Container | undefined {
  const isProxy = ({ name }: Container): boolean => name === proxyContainerName;
  return spec.containers?.find(isProxy) ?? spec.initContainers?.find(isProxy);
}

function withUser(args: readonly string[], user: number): readonly string[] {
  const at = args.indexOf('-u');
  return at < 0 ? args : args.with(at + 1, String(user));
}

/** The pod with every container replaced by what the function says; the same pod where it says nothing new. */
export function replaceContainers(pod: Pod, replace: (container: Container, list: ContainerList) => Container): Pod {
  let spec = pod.spec;
  for (const list of containerLists) {
    const before = spec[list];
    if (before === undefined) continue;
    let after: Container[] | undefined;
    for (let index = 0; index < before.length; index += 1) {
      const container = before[index] as Container;
      const replaced = replace(container, list);
      if (replaced === container) continue;
      after ??= [...before];
      after[index] = replaced;
    }
    if (after !== undefined) spec = { ...spec, [list]: after };
  }
  return spec === pod.spec ? pod : { ...pod, spec };
}
