// Answers: what does the injection write about itself on the pod.
import type { Overrides } from '../model/injection-record.ts';
import type { Pod, StringMap } from '../model/pod.ts';
import { canonicalQuantity } from '../model/quantity.ts';
import { annotations as catalogue, labels as labelCatalogue } from '../settings/catalogue.ts';
import type { Effective } from '../settings/effective.ts';

/** Keeps what the user had defined for the next injection; only the first one sees it on the pod itself. */
export function recordOverrides(pod: Pod, { containers, initContainers }: Overrides): Pod {
  if (containers.length === 0 && initContainers.length === 0) return pod;
  const recorded = {
    ...(containers.length > 0 && { containers }),
    ...(initContainers.length > 0 && { initContainers }),
  };
  return withMetadata(pod, {}, { [catalogue.overrides.key]: JSON.stringify(recorded, canonicalResources) });
}

/** JSON.stringify's replacer: amounts in the form in which the API server prints them. */
function canonicalResources(key: string, value: unknown): unknown {
  if (key !== 'limits' && key !== 'requests') return value;
  const amounts = Object.entries(value as StringMap).map(([name, amount]) => [name, canonicalQuantity(String(amount))]);
  return Object.fromEntries(amounts);
}

/** The network label, the status, and the annotations that the injector configuration adds to every pod. */
export function recordInjection(pod: Pod, template: Pod, { facts, network }: Effective): Pod {
  const labels: StringMap = network === undefined ? {} : { [labelCatalogue.network.key]: network };
  const status = { [catalogue.status.key]: statusOf(template, facts.revision) };
  return withMetadata(pod, labels, { ...status, ...facts.injector.injectedAnnotations });
}

/** What the templates contributed, by name: also what the pod had already. */
function statusOf({ spec }: Pod, revision: string): string {
  const names = (list: readonly { readonly name: string }[] | undefined): readonly string[] | null =>
    list === undefined || list.length === 0 ? null : list.map(({ name }) => name);
  return JSON.stringify({
    initContainers: names(spec.initContainers),
    containers: names(spec.containers),
    volumes: names(spec.volumes),
    imagePullSecrets: names(spec.imagePullSecrets),
    revision: revision || 'default',
  });
}

function withMetadata(pod: Pod, labels: StringMap, annotations: StringMap): Pod {
  const { metadata } = pod;
  const added = { annotations: { ...metadata.annotations, ...annotations } };
  const withLabels = Object.keys(labels).length === 0 ? added : { ...added, labels: { ...metadata.labels, ...labels } };
  return { ...pod, metadata: { ...metadata, ...withLabels } };
}
