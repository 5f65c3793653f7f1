// Answers: `pillion wasm undeploy`: takes an extension out of a cluster.
import { resources } from '../../core/cluster/resources.ts';
import { connectionOptions, withCluster } from '../cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, UsageError } from '../command.ts';
import { nameOf } from './deploy-object.ts';
import { eitherIdOption, labelsOption, nameArgument, unusedLine, wasmeLine, wasmeOptions } from './deploy-options.ts';
import { extensionNamed, namespaceOf } from './extensions.ts';
import { namespaceOption } from './options.ts';

const { fallback: _, ...unusedLabels } = labelsOption;

export const undeployCommand: Command = {
  name: 'wasm undeploy',
  summary: 'Switch an extension off and remove it.',
  details: [
    'Proxies drop the filter at once, without a restart. Nodes drop the module a day after nothing names it any more. The',
    'options of "wasme undeploy istio" are taken, and the word "istio" may be left out.',
    wasmeLine,
  ],
  examples: ['pillion wasm undeploy hello -n shop', 'pillion wasm undeploy istio --id hello -n shop --dry-run'],
  arguments: [{ name: 'istio', isWord: true, doc: 'May stand there, as for wasme.' }, nameArgument],
  options: [
    eitherIdOption,
    namespaceOption,
    { name: 'dry-run', doc: 'Only tell what would be removed.' },
    { ...unusedLabels, doc: 'Of wasme; taken and without effect: the whole extension is removed.' },
    ...connectionOptions,
    ...wasmeOptions,
  ],
  run: undeploy,
};

async function undeploy(io: Io, options: OptionValues): Promise<number> {
  const name = nameOf(options);
  const unused = unusedLine(options);
  if (unused !== undefined) io.stderr.write(`${unused}\n`);
  return withCluster(options, async (kube) => {
    const namespace = namespaceOf(options, kube);
    const object = await extensionNamed(kube, namespace, name, 'undeploy');
    const owner = object.metadata.ownerReferences?.find(({ kind }) => kind === 'FilterDeployment');
    if (owner !== undefined) {
      throw new UsageError(
        `Cannot undeploy ${name}: it follows a FilterDeployment, which would make it again; run "kubectl delete filterdeployment -n ${namespace} ${owner.name}"`,
      );
    }
    const isDry = options.has('dry-run');
    if (!isDry) await kube.remove(resources.wasmExtensions, name, namespace);
    io.stdout.write(`${isDry ? 'would remove' : 'removed'} WasmExtension ${name} of namespace ${namespace}\n`);
    return exitCodes.done;
  });
}
