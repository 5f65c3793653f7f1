// Answers: `pillion wasm rollback`: the version before, which is still on the nodes, comes back.
import { fieldManagers } from '../../core/cluster/names.ts';
import { pathOf, resources } from '../../core/cluster/resources.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { readExtension, standingOf } from '../../core/wasm/declaration/read-extension.ts';
import type { Revision, Standing } from '../../core/wasm/extension.ts';
import type { Kube } from '../../edge/kube/client.ts';
import { connectionOptions, withCluster } from '../cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { durationMs } from '../duration.ts';
import { awaitExtension } from './await-extension.ts';
import { nameOf } from './deploy-object.ts';
import { eitherIdOption, nameArgument } from './deploy-options.ts';
import { extensionNamed, namespaceOf } from './extensions.ts';
import { namespaceOption } from './options.ts';
import { shortDigest } from './sizes.ts';

const defaultTimeout = '1m';

export const rollbackCommand: Command = {
  name: 'wasm rollback',
  summary: 'Go back to the version that ran before.',
  details: [
    'Writes the pinned reference of status.previous into spec.source. It is verified and on every node already: no registry',
    'is asked, and proxies switch within seconds. Run again, it goes forth again. Where a newer version is declared that',
    'does not run, refused or still on its way, that one is withdrawn, and what runs goes on.',
  ],
  examples: ['pillion wasm rollback hello -n shop --wait'],
  arguments: [nameArgument],
  options: [
    eitherIdOption,
    namespaceOption,
    { name: 'wait', doc: 'Wait until it is ready.' },
    { name: 'timeout', value: 'DURATION', fallback: defaultTimeout, doc: 'How long --wait waits: 90s, 5m.' },
    ...connectionOptions,
  ],
  run: rollback,
};

async function rollback(io: Io, options: OptionValues): Promise<number> {
  const name = nameOf(options);
  const timeoutMs = durationMs('timeout', textOf(options, 'timeout') ?? defaultTimeout);
  return withCluster(options, async (kube) => {
    const namespace = namespaceOf(options, kube);
    const object = await extensionNamed(kube, namespace, name, 'roll back');
    const standing = standingOf(object);
    const target = targetOf(object, standing);
    await writeSource(kube, object, target);
    const from = target === standing.active ? 'what is declared' : shown(standing.active);
    io.stdout.write(`${name}: ${from} → ${shown(target)} (${target.pinned})\n`);
    return options.has('wait') ? awaitExtension({ io, kube, namespace, name, timeoutMs }) : exitCodes.done;
  });
}

function targetOf(object: KubeObject, { active, previous, candidate }: Standing): Revision {
  const { metadata } = object;
  if (metadata.ownerReferences?.some(({ kind }) => kind === 'FilterDeployment') === true)
    throw new UsageError(`Cannot roll back ${metadata.name}: it follows a FilterDeployment; change the image there`);
  if (active !== undefined && (candidate !== undefined || !isDeclared(object, active))) return active;
  if (previous !== undefined) return previous;
  throw new UsageError(
    `Cannot roll back ${metadata.name}: no other version ran before; deploy the one that is meant, by its digest`,
  );
}

/** Whether the declaration names what runs; one that cannot be read says nothing. */
function isDeclared(object: KubeObject, { reference, pinned, moduleDigest }: Revision): boolean {
  const read = readExtension(object, { httpSources: true });
  if (!read.ok) return true;
  const { source } = read.value;
  const isOtherFile = source.kind === 'http' && source.moduleDigest !== moduleDigest;
  return !isOtherFile && [reference, pinned].includes(read.value.reference);
}

function shown(revision: Revision | undefined): string {
  return revision === undefined ? 'nothing' : shortDigest(revision.moduleDigest);
}

/** Only the source changes, whoever wrote the rest. */
async function writeSource(kube: Kube, { metadata }: KubeObject, { pinned, moduleDigest }: Revision): Promise<void> {
  const isUrl = /^https?:/.test(pinned);
  const source = isUrl
    ? { url: pinned, sha256: moduleDigest, image: null }
    : { image: pinned, url: null, sha256: null };
  await kube.call('PATCH', pathOf(resources.wasmExtensions, metadata.namespace, metadata.name), {
    query: { fieldManager: fieldManagers.deploy },
    contentType: 'application/merge-patch+json',
    body: { spec: { source } },
  });
}
