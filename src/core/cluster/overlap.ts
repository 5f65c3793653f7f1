// Answers: which webhooks of others would inject istio-proxy into pods that our registration asks us about too.
// Names and revisions do not decide, selectors do: a webhook that was deactivated, or asks for another revision, is none.
import type { KubeObject } from '../model/kube-object.ts';
import type { StringMap } from '../model/pod.ts';
import { names } from './names.ts';
import type { ClusterOptions } from './options.ts';
import { isForInjection, registration } from './registration.ts';
import { labelsThatMeet, type PodWebhook, podWebhooks } from './webhooks.ts';

export interface Overlap {
  /** MutatingWebhookConfiguration that the webhook is of. */
  readonly configuration: string;
  readonly webhook: string;
  /** Which pods both are called for, in words. */
  readonly because: string;
  readonly remedy: string;
}

/** End of the names of all webhooks of Istio's injector, whoever installed it (istioctl, Helm, a vendor). */
const injectorName = 'sidecar-injector.istio.io';
/** Label of the configurations that Istio makes for revision tags. */
const tagLabel = 'istio.io/tag';
/** What selectors ask for after istioctl has switched a webhook off. */
const deactivatedLabel = 'istio.io/deactivated';

/**
 * The overlaps with what we would register with these options, one for each webhook of another injector.
 * @param configurations all MutatingWebhookConfigurations of the cluster; our own is passed over
 */
export function findOverlaps(configurations: readonly KubeObject[], options: ClusterOptions): readonly Overlap[] {
  const ours = podWebhooks(registration({ options, caBundle: undefined, hasMatchConditions: true })).filter(
    isForInjection,
  );
  return configurations
    .filter(({ metadata }) => metadata.name !== names.registration)
    .flatMap((configuration) =>
      podWebhooks(configuration)
        .filter((webhook) => webhook.name.endsWith(injectorName) && !isDeactivated(webhook))
        .flatMap((theirs) => {
          const because = overlapOf(theirs, ours);
          if (because === undefined) return [];
          const { configuration: name, name: webhook } = theirs;
          return [{ configuration: name, webhook, because, remedy: remedyFor(configuration) }];
        }),
    );
}

/** Nothing but istioctl speaks of this label, and nobody has it. */
function isDeactivated({ namespaceSelector, objectSelector }: PodWebhook): boolean {
  return [...namespaceSelector, ...objectSelector].some(
    ({ key, operator }) => key === deactivatedLabel && operator === 'In',
  );
}

function overlapOf(theirs: PodWebhook, ours: readonly PodWebhook[]): string | undefined {
  for (const our of ours) {
    const namespace = labelsThatMeet([...our.namespaceSelector, ...theirs.namespaceSelector]);
    const pod = labelsThatMeet([...our.objectSelector, ...theirs.objectSelector]);
    if (namespace === undefined || pod === undefined) continue;
    return `it and ${our.name} are both called for ${labelled('a pod', pod)} in ${labelled('a namespace', namespace)}`;
  }
  return undefined;
}

function labelled(what: string, labels: StringMap): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? `${what} without labels` : `${what} labelled ${pairs.join(',')}`;
}

function remedyFor({ metadata }: KubeObject): string {
  const tag = metadata.labels?.[tagLabel];
  const remove = tag === undefined ? '' : `remove the revision tag with istioctl tag remove ${tag}, or `;
  const value = 'set the Helm value global.operatorManageWebhooks=true of istiod, which leaves its webhook out';
  const text = `${remove}${value}; or let Pillion answer to tags of its own alone: tags and onlyTags in the options`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
