// Answers: how does a test change the installation that all share, and leave it as it was.
// Does not belong here: installing for the first time (kind/mesh.ts).
import { componentSelector } from '../../src/core/cluster/labels.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { optionsKey } from '../../src/core/cluster/settings-documents.ts';
import { isObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { PodSpec } from '../../src/core/model/pod.ts';
import type { Cluster } from './cluster.ts';
import { pod } from './objects.ts';
import { isNativeInjected, statusNumber } from './pods.ts';
import { until } from './until.ts';

/** Runs `pillion install --wait` with these arguments; throws with what it said where it fails. */
export async function install(cluster: Cluster, args: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await cluster.pillion(['install', '--wait', ...args], stdin);
  if (code !== 0) throw new Error(`Cannot install: ${stderr}\n${stdout}`);
  return stdout;
}

/** Runs the body with these options over those that are there, then puts those back, whatever happened. */
export async function withOptions(
  cluster: Cluster,
  settings: readonly string[],
  body: () => Promise<void>,
): Promise<void> {
  const before = await optionsText(cluster);
  try {
    await install(
      cluster,
      settings.flatMap((setting) => ['--set', setting]),
    );
    await body();
  } finally {
    await install(cluster, ['--options', '-'], before);
  }
}

/** Takes it away, all of it; throws with what it said where that fails. */
export async function uninstall(cluster: Cluster): Promise<void> {
  const { code, stdout, stderr } = await cluster.pillion(['uninstall', '--yes']);
  if (code !== 0) throw new Error(`Cannot uninstall: ${stderr}\n${stdout}`);
}

/**
 * Runs the body, which may take it away and is told its image, then installs that image with the options that were there,
 * whatever happened.
 */
export async function keepingInstallation(cluster: Cluster, body: (image: string) => Promise<void>): Promise<void> {
  const [image, options] = await Promise.all([installedImage(cluster), optionsText(cluster)]);
  try {
    await body(image);
  } finally {
    await install(cluster, ['--image', image, '--options', '-'], options);
  }
}

/** The image that the webhook runs. */
export async function installedImage({ kube }: Cluster): Promise<string> {
  const found = await kube.get(resources.deployments, names.webhook, ownNamespace);
  const { template } = (found?.['spec'] ?? {}) as { readonly template?: { readonly spec: PodSpec } };
  const image = template?.spec.containers?.[0]?.image;
  if (image === undefined) throw new Error('Cannot tell the image of Pillion: it is not installed');
  return image;
}

/** The options as they stand in the cluster. */
export async function optionsText({ kube }: Cluster): Promise<string> {
  const map = await kube.get(resources.configMaps, names.options, ownNamespace);
  const data = isObject(map?.['data']) ? map['data'] : {};
  return String(data[optionsKey] ?? '');
}

/** As an operator who has no `pillion` at hand: in the ConfigMap itself. */
export async function editOptions({ kubectl }: Cluster, text: string): Promise<void> {
  const patch = JSON.stringify({ data: { [optionsKey]: text } });
  await kubectl(['-n', ownNamespace, 'patch', 'configmap', names.options, '--type=merge', '-p', patch]);
}

/** Runs the body while no process of the controller is there, then starts them again, whatever happened. */
export async function withoutControl(cluster: Cluster, body: () => Promise<void>): Promise<void> {
  const control = ['-n', ownNamespace, 'deployment', names.control] as const;
  const place = { namespace: ownNamespace, labelSelector: componentSelector('control') };
  try {
    await cluster.kubectl(['scale', ...control, '--replicas=0']);
    await until('no process of it is left', async () => {
      const { items } = await cluster.kube.list(resources.pods, place);
      return items.length === 0;
    });
    await body();
  } finally {
    await cluster.kubectl(['scale', ...control, '--replicas=2']);
    await untilAvailable(cluster, names.control);
  }
}

/** Runs the body while no replica of the webhook is there, then starts them again, whatever happened. */
export async function withoutReplicas(cluster: Cluster, probedIn: string, body: () => Promise<void>): Promise<void> {
  const webhook = ['-n', ownNamespace, 'deployment', names.webhook] as const;
  try {
    await cluster.kubectl(['scale', ...webhook, '--replicas=0']);
    const selector = componentSelector('webhook');
    // at once, as when their node dies: they would go on answering for as long as somebody may call them
    await cluster.kubectl(['-n', ownNamespace, 'delete', 'pods', '-l', selector, '--grace-period=0', '--force']);
    await until('no pod is injected', async () => !(await isInjecting(cluster, probedIn)));
    await body();
  } finally {
    await cluster.kubectl(['scale', ...webhook, '--replicas=2']);
    await untilInjecting(cluster, probedIn);
  }
}

/** All replicas are available, and the API server calls the webhook. */
export async function untilInjecting(cluster: Cluster, probedIn: string): Promise<void> {
  for (const name of [names.webhook, names.control]) await untilAvailable(cluster, name);
  await until('pods are injected', () => isInjecting(cluster, probedIn));
}

async function untilAvailable({ kube }: Cluster, name: string): Promise<void> {
  await until(`both replicas of ${name} are available`, async () => {
    const deployment = await kube.get(resources.deployments, name, ownNamespace);
    return deployment !== undefined && statusNumber(deployment, 'availableReplicas') === 2;
  });
}

/** Whether a pod that is created in the namespace, by dry run, gets a sidecar; false too where it is refused. */
export async function isInjecting({ kube }: Cluster, namespace: string): Promise<boolean> {
  const probe = pod({ name: 'injection-probe' });
  const placed: KubeObject = { ...probe, metadata: { ...probe.metadata, namespace } };
  try {
    return isNativeInjected(await kube.create(placed, { dryRun: true }));
  } catch {
    return false;
  }
}
