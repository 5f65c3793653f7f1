// Answers: `pillion wasm rollback`: the version before, which is still on the nodes, comes back.
import { fieldManagers } from '../../core/cluster/names.ts';
import { pathOf, resources } from '../../core/cluster/resources.ts';
import { isObject, isSameJson, type JsonObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { readExtension, standingOf, withoutSource } from '../../core/wasm/declaration/read-extension.ts';
import { pinnedSource } from '../../core/wasm/declaration/running.ts';
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
    'is asked, and proxies switch within seconds. Run again, it goes forth again. Where something newer is declared that',
    'does not run, refused or still on its way, a version or anything else of spec, that is withdrawn: spec is again what',
    'runs, which goes on.',
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
    const { target, ...change } = changeOf(object, standing);
    await write(kube, object, change);
    const from = target === standing.active ? 'what is declared' : shown(standing.active);
    io.stdout.write(`${name}: ${from} → ${shown(target)} (${target.pinned})\n`);
    return options.has('wait') ? awaitExtension({ io, kube, namespace, name, timeoutMs }) : exitCodes.done;
  });
}

interface Change {
  readonly path: '/spec' | '/spec/source';
  readonly value: JsonObject;
}

function changeOf(object: KubeObject, standing: Standing): Change & { readonly target: Revision } {
  const { name, ownerReferences = [] } = object.metadata;
  if (ownerReferences.some(({ kind }) => kind === 'FilterDeployment'))
    throw new UsageError(`Cannot roll back ${name}: it follows a FilterDeployment; change the image there`);
  const { active, previous, candidate, running } = standing;
  const spec = isObject(object['spec']) ? object['spec'] : {};
  // of one that cannot be read nothing more is known where the status does not tell what runs
  const isMeant = active !== undefined && (declares(object, active, standing) ?? running === undefined);
  const isNamed = candidate === undefined && isMeant;
  if (active !== undefined && running !== undefined && !isSameJson(withoutSource(spec), running)) {
    const source = isNamed ? spec['source'] : pinnedSource(active);
    return { target: active, path: '/spec', value: { ...running, source } };
  }
  const target = isNamed ? previous : (active ?? previous);
  if (target !== undefined) return { target, path: '/spec/source', value: pinnedSource(target) };
  throw new UsageError(
    `Cannot roll back ${name}: no other version ran before; deploy the one that is meant, by its digest`,
  );
}

/** Whether the declaration means what runs; undefined where it cannot be read. A tag may have been asked for anew. */
function declares(object: KubeObject, active: Revision, { resolvedFor = '' }: Standing): boolean | undefined {
  const read = readExtension(object, { httpSources: true });
  if (!read.ok) return undefined;
  const { source, reference, resolveAsked } = read.value;
  if (source.kind === 'http' && source.moduleDigest !== active.moduleDigest) return false;
  return reference === active.pinned || (reference === active.reference && resolveAsked === resolvedFor);
}

function shown(revision: Revision | undefined): string {
  return revision === undefined ? 'nothing' : shortDigest(revision.moduleDigest);
}

/** Whoever wrote what is there. */
async function write(kube: Kube, { metadata }: KubeObject, change: Change): Promise<void> {
  await kube.call('PATCH', pathOf(resources.wasmExtensions, metadata.namespace, metadata.name), {
    query: { fieldManager: fieldManagers.deploy },
    contentType: 'application/json-patch+json',
    body: [{ op: 'add', ...change }],
  });
}
