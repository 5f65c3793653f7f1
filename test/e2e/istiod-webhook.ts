// Answers: how does a test get istiod's own injection webhook into the cluster, for some namespaces only: as its chart
// renders it, and istiod itself fills in the authorities. Does not belong here: istiod itself, which is there without it
// (kind/mesh.ts).
import type { V1LabelSelectorRequirement, V1MutatingWebhook } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { readChoices } from '../../kind/choices.ts';
import { istioPlan } from '../../kind/mesh.ts';
import { runLine } from '../../kind/run.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { namespaceNameLabel } from '../../src/core/cluster/well-known.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { labels } from '../../src/core/settings/catalogue.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import type { Cluster } from './cluster.ts';
import { pod } from './objects.ts';
import { until } from './until.ts';

export interface IstiodWebhook {
  /** Of the configuration. The API server calls in the order of the alphabet: before `pillion`, istiod is asked first. */
  readonly name: string;
  /** It is called for no other; they have to be there. */
  readonly namespaces: readonly string[];
  /** By the chart's labels besides; or by the namespace's name alone, so that a namespace without labels is istiod's only. */
  readonly selectedBy: 'labels' | 'name';
}

/** The webhook whose namespaces are labelled, and which can do with any other selector. */
const byNamespace = 'namespace.sidecar-injector.istio.io';
const probeLabel = { key: 'e2e.pillion.dev/probe', value: 'istiod' } as const;

/**
 * Registers istiod's webhook and waits until the API server reaches istiod through it.
 * @returns what removes it again
 */
export async function registerIstiodWebhook(cluster: Cluster, wanted: IstiodWebhook): Promise<() => Promise<void>> {
  const { kube } = cluster;
  const rendered = await renderWebhook();
  const webhooks = [...selected(rendered.webhooks, wanted), probed(rendered.webhooks, wanted)];
  const { name } = wanted;
  await kube.create({ ...rendered, metadata: { name, labels: rendered.metadata.labels }, webhooks });
  const remove = async (): Promise<void> => {
    await kube.remove(resources.mutatingWebhooks, name);
  };
  try {
    await until('istiod is reached through its webhook', () => isReached(cluster, wanted), 30_000);
  } catch (error) {
    await remove();
    throw error;
  }
  return remove;
}

type Rendered = KubeObject & { readonly webhooks: readonly V1MutatingWebhook[] };

/** The chart's own, which the installation leaves out. Its label istio.io/rev is how istiod knows it. */
async function renderWebhook(): Promise<Rendered> {
  const install = istioPlan(readChoices(process.env)).find(({ args }) => args.includes('istiod'));
  if (install === undefined) throw new Error('Cannot find the command that installs istiod');
  const same = install.args.filter((arg) => !['upgrade', '--install', '--wait'].includes(arg));
  const only = ['--set', 'global.operatorManageWebhooks=false', '--show-only', 'templates/mutatingwebhook.yaml'];
  return parse(await runLine({ ...install, args: ['template', ...same, ...only] }));
}

function selected(entries: readonly V1MutatingWebhook[], wanted: IstiodWebhook): readonly V1MutatingWebhook[] {
  const named = { key: namespaceNameLabel, operator: 'In', values: [...wanted.namespaces] };
  const within = (selectors: readonly V1LabelSelectorRequirement[]) => ({ matchExpressions: [...selectors, named] });
  if (wanted.selectedBy === 'name') return [{ ...entryOf(entries), namespaceSelector: within([]) }];
  return entries.map((entry) => ({
    ...entry,
    namespaceSelector: within(entry.namespaceSelector?.matchExpressions ?? []),
  }));
}

function entryOf(entries: readonly V1MutatingWebhook[]): V1MutatingWebhook {
  const found = entries.find(({ name }) => name === byNamespace);
  if (found === undefined) throw new Error(`Cannot find webhook "${byNamespace}" in what the chart renders`);
  return found;
}

/**
 * One more entry, for the probe alone: under a path that istiod does not know, so that its refusal shows that it was
 * asked. Pods that come back injected would not, where another injector is there.
 */
function probed(entries: readonly V1MutatingWebhook[], { namespaces }: IstiodWebhook): V1MutatingWebhook {
  const { clientConfig, ...entry } = entryOf(entries);
  const service = clientConfig.service && { ...clientConfig.service, path: '/e2e-probe' };
  const isOnly = (key: string, values: readonly string[]) => ({ key, operator: 'In', values: [...values] });
  const isProbe = [isOnly(labels.inject.key, ['false']), isOnly(probeLabel.key, [probeLabel.value])];
  return {
    ...entry,
    name: `probe.${byNamespace}`,
    clientConfig: { ...clientConfig, ...(service && { service }) },
    namespaceSelector: { matchExpressions: [isOnly(namespaceNameLabel, namespaces)] },
    objectSelector: { matchExpressions: isProbe },
  };
}

/** Until istiod has filled in the authorities, the call fails on its certificate; before that, nobody is called. */
async function isReached({ kube }: Cluster, { namespaces: [namespace] }: IstiodWebhook): Promise<boolean> {
  if (namespace === undefined) throw new Error('Cannot register a webhook for no namespace');
  const probe = pod({ name: 'probe', labels: { [labels.inject.key]: 'false', [probeLabel.key]: probeLabel.value } });
  try {
    await kube.create({ ...probe, metadata: { ...probe.metadata, namespace } }, { dryRun: true });
    return false;
  } catch (error) {
    const notFound = /probe\..+: the server could not find the requested resource/;
    if (error instanceof KubeError && notFound.test(error.message)) return true;
    throw error;
  }
}
