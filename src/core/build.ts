// Answers: what does a pod look like once it is injected. The road of a pod that passed the gates:
//
//   view → render → merge → the user's containers → cluster, metrics, probes → metadata → order → token
//
// Does not belong here: whether the pod is injected (admit.ts), how the change is sent (patch.ts).

import { mountApiAccess } from './finish/api-access.ts';
import { forceClusterEnv, withoutForcedEnv } from './finish/cluster-env.ts';
import { recordInjection, recordOverrides } from './finish/metadata.ts';
import { orderContainers } from './finish/order.ts';
import { rewriteProbes } from './finish/probes.ts';
import { announceSecurePort, mergePrometheus } from './finish/prometheus.ts';
import {
  type ContainerList,
  containerLists,
  followProxyUser,
  moveProxyTo,
  reapplyUserContainers,
  templateView,
} from './merge/reinject.ts';
import { mergeNullFree, mergeOverlay } from './merge/strategic.ts';
import type { JsonObject } from './model/json.ts';
import { isObject } from './model/json.ts';
import { type Container, findProxy, type Pod, type PodOverlay, proxyContainerName } from './model/pod.ts';
import { ok, type Result } from './model/problem.ts';
import { renderContext } from './render/context.ts';
import type { ChosenTemplate } from './render/templates.ts';
import { annotations as catalogue } from './settings/catalogue.ts';
import type { Effective } from './settings/effective.ts';
import { withoutAssignedProxyUser } from './settings/proxy-ids.ts';

const emptyPod: Pod = Object.freeze({ metadata: {}, spec: {} });

/** The injected pod, or what of the user's annotations stands against it. */
export function buildPod(pod: Pod, templates: readonly ChosenTemplate[], effective: Effective): Result<Pod> {
  const { annotations, facts } = effective;
  const { status, overrides } = annotations;
  const original = facts.platform === 'openshift' ? withoutAssignedProxyUser(pod) : pod;
  const context = renderContext(effective, templateView(original, status, overrides), templates.length);
  const rendered = templates.map(({ render }) => render(context));
  const place = placeOfProxy(rendered);
  const overlays = rendered.map((overlay) => withProxyIn(place, overlay));
  const template = contributionOf(overlays);
  const start = place === undefined ? pod : withoutForcedEnv(readyForProxy(pod, place, effective), effective);
  const merge = context.takesAway || templates.some(({ isCustom }) => isCustom) ? mergeOverlay : mergeNullFree;
  const merged = overlays.reduce((sofar, overlay) => merge(sofar, overlay), start);

  const reapplied = reapplyUserContainers({ merged, original, template, status, earlier: overrides });
  const recorded = status === undefined ? recordOverrides(reapplied.pod, reapplied.overrides) : reapplied.pod;
  const followed = followProxyUser(recorded, {
    user: usersProxy(original, annotations),
    tproxy: isTproxy(recorded, effective),
  });

  const clustered = forceClusterEnv(followed, original, effective);
  const metrics = mergePrometheus(clustered, effective);
  if (!metrics.ok) return metrics;
  const probed = rewriteProbes(announceSecurePort(metrics.value), effective, status !== undefined);
  const ordered = orderContainers(recordInjection(probed, template, effective), effective);
  return ok(mountApiAccess(ordered, pod));
}

/** What all templates together contribute. Only names are read of it, so that one alone need not be merged. */
function contributionOf(overlays: readonly PodOverlay[]): Pod {
  const [only, ...more] = overlays;
  if (only !== undefined && more.length === 0) return { ...emptyPod, ...only } as Pod;
  return overlays.reduce((sofar, overlay) => mergeOverlay(sofar, overlay), emptyPod);
}

/** The proxy has one place in the pod: the list in which the first template names it. */
function placeOfProxy(overlays: readonly PodOverlay[]): ContainerList | undefined {
  for (const overlay of overlays) {
    const list = containerLists.find((name) => proxyIn(overlay, name) !== undefined);
    if (list !== undefined) return list;
  }
  return undefined;
}

function proxyIn({ spec }: PodOverlay, list: ContainerList): JsonObject | undefined {
  const containers = isObject(spec) ? spec[list] : undefined;
  return Array.isArray(containers)
    ? containers.find((container: JsonObject) => container['name'] === proxyContainerName)
    : undefined;
}

/** A later template that names the proxy in the other list means the same container. */
function withProxyIn(place: ContainerList | undefined, overlay: PodOverlay): PodOverlay {
  const other: ContainerList = place === 'containers' ? 'initContainers' : 'containers';
  const misplaced = place === undefined ? undefined : proxyIn(overlay, other);
  if (place === undefined || misplaced === undefined) return overlay;
  const spec = overlay['spec'] as { readonly [list in ContainerList]?: readonly JsonObject[] };
  const rest = (spec[other] ?? []).filter((container) => container !== misplaced);
  return { ...overlay, spec: { ...spec, [other]: rest, [place]: [...(spec[place] ?? []), misplaced] } };
}

/**
 * The user's istio-proxy joins the template's. A native one that an earlier injection made is left out where the
 * template is plain now: its hooks are not those of a plain proxy.
 */
function readyForProxy(pod: Pod, place: ContainerList, { annotations: { status } }: Effective): Pod {
  if (place === 'initContainers' || !status?.initContainers.includes(proxyContainerName))
    return moveProxyTo(place, pod);
  const initContainers = (pod.spec.initContainers ?? []).filter(({ name }) => name !== proxyContainerName);
  return { ...pod, spec: { ...pod.spec, initContainers } };
}

/** The proxy as the user defined it; after an earlier injection only the annotation tells. */
function usersProxy(original: Pod, { status, overrides }: Effective['annotations']): Container | undefined {
  const remembered = containerLists.flatMap((list) => overrides?.[list] ?? []);
  const own = remembered.find(({ name }) => name === proxyContainerName);
  const isInjected = containerLists.some((list) => status?.[list].includes(proxyContainerName));
  return own ?? (isInjected ? undefined : findProxy(original));
}

function isTproxy(pod: Pod, { proxyConfig }: Effective): boolean {
  return (
    proxyConfig.interceptionMode === 'TPROXY' || pod.metadata.annotations?.[catalogue.interceptionMode.key] === 'TPROXY'
  );
}
