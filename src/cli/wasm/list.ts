// Answers: `pillion wasm list`: which extensions are there, and how does each get on.
import { resources } from '../../core/cluster/resources.ts';
import { isObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { readExtension, standingOf } from '../../core/wasm/declaration/read-extension.ts';
import { connectionOptions, withCluster } from '../cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, UsageError } from '../command.ts';
import { printTable } from '../table.ts';
import { harmless } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { namespaceOf, withKind } from './extensions.ts';
import { namespaceOption } from './options.ts';
import { shortDigest } from './sizes.ts';

export const listCommand: Command = {
  name: 'wasm list',
  summary: 'List the extensions of a cluster: what runs where, and what keeps one from running.',
  details: [
    'ACTIVE is the module that proxies run, by the first digits of its digest; NODES and PODS count those that have it',
    'and those that should. READY has the reason where it is not. --local lists images that were packed here.',
  ],
  examples: ['pillion wasm list -n shop', 'pillion wasm list -A -o json', 'pillion wasm list --local'],
  options: [
    { ...namespaceOption, doc: 'Namespace whose extensions are listed.' },
    { name: 'all-namespaces', short: 'A', doc: 'Those of every namespace.' },
    { name: 'local', doc: 'The images that "pillion wasm pack" has kept on this machine; no cluster is asked.' },
    outputOption,
    ...connectionOptions,
  ],
  run: list,
};

async function list(io: Io, options: OptionValues): Promise<number> {
  if (options.has('local')) return listLocal(io, options);
  if (options.has('all-namespaces') && options.has('namespace'))
    throw new UsageError('Cannot use --namespace with --all-namespaces: they say different things; leave one out');
  return withCluster(options, async (kube) => {
    const namespace = options.has('all-namespaces') ? undefined : namespaceOf(options, kube);
    const { items } = await withKind('list extensions', () =>
      kube.list(resources.wasmExtensions, namespace === undefined ? {} : { namespace }),
    );
    const rows = items.map(rowOf);
    if (isJson(options)) io.stdout.write(`${JSON.stringify({ extensions: rows }, undefined, 2)}\n`);
    else if (rows.length > 0) io.stdout.write(rowTable(rows, namespace === undefined));
    else io.stderr.write(`No extensions${namespace === undefined ? '' : ` in namespace ${namespace}`}\n`);
    return exitCodes.done;
  });
}

/** What is told of one extension. */
interface ExtensionRow {
  readonly namespace: string;
  readonly name: string;
  readonly reference: string;
  readonly phase: string;
  readonly priority: number;
  readonly active?: string;
  readonly previous?: string;
  readonly candidate?: string;
  /** The manifest that the tag names now, where it is another than the one that runs. */
  readonly moved?: string;
  /** Absent where no node is asked: proxies pull for themselves, or it is not that far. */
  readonly nodes?: { readonly ready: number; readonly wanted: number };
  readonly pods: { readonly delivered: number; readonly selected: number };
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

function rowOf(object: KubeObject): ExtensionRow {
  const { active, previous, candidate, moved, nodes, pods = {}, conditions = [] } = standingOf(object);
  const ready = conditions.find(({ type }) => type === 'Ready');
  const open = [ready, ...conditions].find((one) => one !== undefined && one.status !== 'True') ?? ready;
  return {
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
    ...declaredOf(object),
    ...(active !== undefined && { active: active.moduleDigest }),
    ...(previous !== undefined && { previous: previous.moduleDigest }),
    ...(candidate !== undefined && { candidate: candidate.moduleDigest }),
    ...(moved !== undefined && { moved: moved.manifestDigest }),
    ...(nodes !== undefined && { nodes: { ready: nodes.ready, wanted: nodes.wanted } }),
    pods: { delivered: Number(pods['delivered'] ?? 0), selected: Number(pods['selected'] ?? 0) },
    ready: ready?.status === 'True',
    reason: open?.reason ?? 'Waiting',
    message: open?.message ?? 'nobody has looked at it yet',
  };
}

/** As it was written, also where it cannot be read. */
function declaredOf(object: KubeObject): Pick<ExtensionRow, 'reference' | 'phase' | 'priority'> {
  const read = readExtension(object, { httpSources: true });
  if (read.ok) {
    const { reference, phase, priority } = read.value;
    return { reference, phase, priority };
  }
  const { source, phase } = isObject(object['spec']) ? object['spec'] : {};
  const { image, url } = isObject(source) ? source : {};
  return { reference: String(image ?? url ?? ''), phase: String(phase ?? ''), priority: 0 };
}

function rowTable(rows: readonly ExtensionRow[], withNamespace: boolean): string {
  const headings = ['NAME', 'PHASE', 'PRIORITY', 'ACTIVE', 'NODES', 'PODS', 'READY', 'IMAGE'];
  const cells = rows.map(({ namespace, name, phase, priority, active, nodes, pods, ready, reason, reference }) => [
    ...(withNamespace ? [namespace] : []),
    name,
    phase === 'UNSPECIFIED_PHASE' ? '<none>' : phase,
    String(priority),
    active === undefined ? '<none>' : shortDigest(active),
    nodes === undefined ? '<none>' : `${nodes.ready}/${nodes.wanted}`,
    `${pods.delivered}/${pods.selected}`,
    ready ? 'True' : reason,
    harmless(reference.replace(/^oci:\/\//, '')),
  ]);
  return printTable([...(withNamespace ? ['NAMESPACE'] : []), ...headings], cells);
}

async function listLocal(io: Io, options: OptionValues): Promise<number> {
  const { imageStore, listLayout } = await import('../../edge/image-layout.ts');
  const place = imageStore(io.env);
  const entries = place === undefined ? [] : await listLayout(place);
  if (isJson(options)) io.stdout.write(`${JSON.stringify({ place, images: entries }, undefined, 2)}\n`);
  else if (entries.length === 0) io.stderr.write('No images: "pillion wasm pack" makes one\n');
  else {
    const rows = entries.map(({ reference, digest, moduleDigest }) => [
      reference,
      shortDigest(digest),
      shortDigest(moduleDigest),
    ]);
    io.stdout.write(printTable(['IMAGE', 'MANIFEST', 'MODULE'], rows));
  }
  return exitCodes.done;
}
