// Answers: what does a cluster look like to somebody who is about to install. Asks; decides nothing (core/install/fit.ts).
import { minorOf } from '../../core/cluster/kubernetes-version.ts';
import type { ClusterOptions } from '../../core/cluster/options.ts';
import { findOverlaps } from '../../core/cluster/overlap.ts';
import { resources } from '../../core/cluster/resources.ts';
import { nodeFacts } from '../../core/cluster/surroundings-objects.ts';
import { type ExtensionsThere, noneThere } from '../../core/install/extensions-there.ts';
import type { Survey } from '../../core/install/fit.ts';
import type { Kube } from './client.ts';
import { findExtensions, hasAgents } from './extensions-there.ts';
import { whereNotFound } from './kube-error.ts';

/** Throws KubeError where something cannot be read. */
export async function surveyCluster(kube: Kube, options: ClusterOptions): Promise<Survey> {
  const [version, istio, nodes, webhooks, certManager, extensions] = await Promise.all([
    kube.call('GET', '/version'),
    kube.get(resources.namespaces, options.istioNamespace),
    kube.list(resources.nodes),
    kube.list(resources.mutatingWebhooks),
    hasGroup(kube, resources.certificates.apiVersion),
    findAbandoned(kube, options),
  ]);
  return {
    minor: minorOf(version),
    hasIstioNamespace: istio !== undefined,
    hasCertManager: certManager,
    nodes: nodes.items.map(nodeFacts),
    overlaps: findOverlaps(webhooks.items, options),
    extensions,
  };
}

/** None where the agents stay, and where they have gone before. */
async function findAbandoned(kube: Kube, { wasm }: ClusterOptions): Promise<ExtensionsThere> {
  return wasm.enabled || !(await hasAgents(kube)) ? noneThere : findExtensions(kube);
}

async function hasGroup(kube: Kube, apiVersion: string): Promise<boolean> {
  return (await whereNotFound(undefined, kube.call('GET', `/apis/${apiVersion}`))) !== undefined;
}
