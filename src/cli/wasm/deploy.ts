// Answers: `pillion wasm deploy`: declares an extension in a cluster, and tells how it gets on.
// Does not belong here: the object (deploy-object.ts), how it is waited for (await-extension.ts).
import { fieldManagers } from '../../core/cluster/names.ts';
import { pathOf, resources } from '../../core/cluster/resources.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { pullRightObjects } from '../../core/wasm/image/pull-right.ts';
import { resolveAnnotation } from '../../core/wasm/names.ts';
import type { Kube } from '../../edge/kube/client.ts';
import { withCluster } from '../cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { durationMs } from '../duration.ts';
import { printManifests } from '../manifest.ts';
import { awaitExtension } from './await-extension.ts';
import { extensionObject } from './deploy-object.ts';
import { deployOptions, unusedLine, wasmeLine } from './deploy-options.ts';
import { namespaceOf, undeliveredNote, withKind } from './extensions.ts';
import { readKeys, readText } from './options.ts';
import { reachRunningPods } from './running-pods.ts';

const defaultTimeout = '5m';

export const deployCommand: Command = {
  name: 'wasm deploy',
  summary: 'Switch an extension on for the pods of a namespace, or bring it up to date.',
  details: [
    'Declares the whole: what is left out of a later call is taken back. The options of "wasme deploy istio" are taken;',
    'labels are those of pods, no workload is restarted, and the word "istio" may be left out. The controller resolves,',
    'verifies, checks and tries the module before any proxy gets it; --wait tells what it finds. Exit code 4: refused.',
    'Pods that run already without the mount of the store are labelled pillion.dev/wasm-delivery=agent-pull, where that can',
    'be: their proxies pull the module themselves, until the pods are made anew.',
    wasmeLine,
  ],
  examples: [
    'pillion wasm deploy registry.example.com/shop/hello:1 --id hello -n shop -l app=web --config world --wait',
    'pillion wasm deploy istio registry.example.com/shop/hello:1 --id hello --config \'{"value":"world"}\' --namespace shop',
    'pillion wasm deploy registry.example.com/shop/hello:1 --id hello -n shop --key cosign.pub -o yaml',
  ],
  arguments: [
    { name: 'istio', isWord: true, doc: 'May stand there, as for wasme.' },
    { name: 'image', doc: 'host/name:tag, host/name@sha256:…, or https://… with --sha256.' },
  ],
  options: deployOptions,
  run: deploy,
};

async function deploy(io: Io, options: OptionValues): Promise<number> {
  const timeoutMs = durationMs('timeout', textOf(options, 'timeout') ?? defaultTimeout);
  const configFile = textOf(options, 'config-file');
  const files = {
    keys: await readKeys(options),
    ...(configFile !== undefined && { config: await readText('config-file', configFile) }),
  };
  const declared = extensionObject(options, textOf(options, 'namespace') ?? 'default', files);
  const unused = unusedLine(options);
  if (unused !== undefined) io.stderr.write(`${unused}\n`);
  const format = textOf(options, 'output');
  if (format !== undefined) {
    const objects = [...(await pullRight(options, declared.metadata.namespace ?? '')), declared];
    io.stdout.write(format === 'yaml' ? printManifests(objects) : jsonText(objects));
    return exitCodes.done;
  }
  return withCluster(options, async (kube) => {
    const namespace = namespaceOf(options, kube);
    const object = { ...declared, metadata: { ...declared.metadata, namespace } };
    const outcome = await withKind('deploy', () => apply(kube, options, object));
    const { name } = object.metadata;
    io.stdout.write(`${outcome} WasmExtension ${name} in namespace ${namespace}\n`);
    const running = await reachRunningPods(kube, { ...object, metadata: { ...object.metadata, uid: '' } });
    if (running !== undefined) io.stdout.write(`${running}\n`);
    const note = await undeliveredNote(kube);
    if (note !== undefined) io.stderr.write(`${note}\n`);
    if (options.has('wait')) return awaitExtension({ io, kube, namespace, name, timeoutMs });
    io.stdout.write(`See how it gets on: pillion wasm list -n ${namespace}\n`);
    return exitCodes.done;
  });
}

function jsonText(objects: readonly KubeObject[]): string {
  const [only] = objects;
  const value = objects.length === 1 ? only : { apiVersion: 'v1', kind: 'List', items: objects };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** The right comes first: the controller reads the secret as soon as it sees the extension. */
async function apply(kube: Kube, options: OptionValues, object: KubeObject): Promise<string> {
  const { name, namespace = '' } = object.metadata;
  const before = await kube.get(resources.wasmExtensions, name, namespace);
  if (before?.metadata.ownerReferences?.some(({ kind }) => kind === 'FilterDeployment') === true) {
    throw new UsageError(
      `Cannot deploy ${name}: it follows a FilterDeployment of namespace ${namespace}; change that, or choose another --id`,
    );
  }
  for (const one of await pullRight(options, namespace, kube)) await kube.apply(one, { fieldManager });
  const after = await kube.apply(object, { fieldManager });
  if (options.has('resolve')) await askToResolve(kube, object);
  if (before === undefined) return 'created';
  if (options.has('resolve')) return 'changed';
  return before.metadata.generation === after.metadata.generation ? 'unchanged' : 'changed';
}

const fieldManager = fieldManagers.deploy;

/** By a patch, not by apply: a later deploy without it must not take the annotation away, which would be a new value. */
async function askToResolve(kube: Kube, { metadata }: KubeObject): Promise<void> {
  await kube.call('PATCH', pathOf(resources.wasmExtensions, metadata.namespace, metadata.name), {
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [resolveAnnotation]: new Date().toISOString() } } },
  });
}

async function pullRight(options: OptionValues, namespace: string, kube?: Kube): Promise<readonly KubeObject[]> {
  const secret = textOf(options, 'pull-secret');
  if (secret === undefined) return [];
  const { pullers, pullRole } = await import('../../edge/kube/pull-secret.ts');
  const present = await kube?.get(resources.roles, pullRole, namespace);
  return pullRightObjects({ role: pullRole, accounts: pullers }, namespace, secret, present);
}
