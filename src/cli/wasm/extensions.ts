// Answers: which extensions of a cluster does a command mean, and what does a person hear where the cluster knows none.
import { resources } from '../../core/cluster/resources.ts';
import { optionsPlace, readInstallation } from '../../core/cluster/settings-documents.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { quoted } from '../../core/model/problem.ts';
import type { Kube } from '../../edge/kube/client.ts';
import { KubeError } from '../../edge/kube/kube-error.ts';
import { type OptionValues, textOf, UsageError } from '../command.ts';

/** --namespace, else that of the context, else `default`. */
export function namespaceOf(options: OptionValues, kube: Pick<Kube, 'config'>): string {
  const { config } = kube;
  return textOf(options, 'namespace') ?? config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
}

/** Does the work; throws UsageError where the cluster does not know the kind. */
export async function withKind<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // only the path of a kind that nobody defined, never an object, is not found in that way
    const isUnknown =
      error instanceof KubeError && error.code === 'not-found' && !/"[^"]+" not found/.test(error.message);
    if (!isUnknown) throw error;
    throw new UsageError(
      `Cannot ${action}: the cluster has no kind WasmExtension; run "pillion install --set wasm.enabled=true"`,
    );
  }
}

/** The extension; throws UsageError, which names those that there are, where there is none of that name. */
export async function extensionNamed(kube: Kube, namespace: string, name: string, action: string): Promise<KubeObject> {
  return withKind(action, async () => {
    const found = await kube.get(resources.wasmExtensions, name, namespace);
    if (found !== undefined) return found;
    const { items } = await kube.list(resources.wasmExtensions, { namespace });
    const names = items.map(({ metadata }) => metadata.name).slice(0, 10);
    const there = names.length === 0 ? 'it has none' : `there are ${names.map(quoted).join(', ')}`;
    throw new UsageError(
      `Cannot ${action} ${quoted(name)}: namespace ${quoted(namespace)} has no such extension; ${there}`,
    );
  });
}

/** What a person has to hear where nobody delivers what is declared; undefined where somebody does, or nobody can tell. */
export async function undeliveredNote(kube: Kube): Promise<string | undefined> {
  const { name, namespace } = optionsPlace;
  try {
    const map = await kube.get(resources.configMaps, name, namespace);
    const read = readInstallation(map);
    const isDelivered = read.ok ? read.value.options.wasm.enabled : map !== undefined;
    if (isDelivered) return undefined;
  } catch (error) {
    // who deploys need not be allowed to read the options
    if (error instanceof KubeError && error.code === 'forbidden') return undefined;
    throw error;
  }
  return 'Note: nobody delivers it: the option wasm.enabled is off; run "pillion install --set wasm.enabled=true"';
}
