// Answers: `pillion uninstall`: takes an installation away in an order in which nobody is called who is gone.
// Does not belong here: the order (core/install/removal.ts), the calls (edge/kube/remove-own.ts).
import { ownSelector } from '../core/cluster/labels.ts';
import { resources } from '../core/cluster/resources.ts';
import { extensionsRefusal, type Fate, noneThere } from '../core/install/extensions-there.ts';
import { type RemovalPlan, removalPlan } from '../core/install/removal.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { Kube } from '../edge/kube/client.ts';
import { connectionOptions, withCluster } from './cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from './command.ts';
import { durationMs } from './duration.ts';
import { tellHeld } from './held-pods.ts';
import { extensionsOption, fateOf } from './install-choice.ts';
import { objectText } from './manifest.ts';

const defaultTimeout = '2m';

export const uninstallCommand: Command = {
  name: 'uninstall',
  summary: 'Take Pillion out of a cluster.',
  details: [
    'Ends pillion control, takes the registration and the guard away, then everything else of ours; namespace',
    'pillion-system goes with all that is in it. Running pods keep their sidecars; pods that start afterwards get none',
    'from us. May be run again where it was broken off. Where there are Wasm extensions, or pods that wait for a module, it',
    'does nothing until --extensions says what becomes of them. Their kinds stay, as does what nodes have on their disks.',
  ],
  examples: [
    'pillion uninstall',
    'pillion uninstall --dry-run --extensions remove',
    'pillion uninstall --yes --timeout 5m',
  ],
  options: [
    { name: 'yes', short: 'y', doc: 'Do not ask.' },
    { name: 'dry-run', doc: 'List what would be removed, and remove nothing.' },
    {
      name: 'timeout',
      value: 'DURATION',
      fallback: defaultTimeout,
      doc: 'How long to wait for the end of control, for pods that --extensions remove lets go, and for the end of the namespaces; each.',
    },
    {
      ...extensionsOption,
      doc: 'remove: proxies drop the filters, and pods that wait start without; keep: proxies that have a filter go on with it.',
    },
    ...connectionOptions,
  ],
  run: uninstall,
};

async function uninstall(io: Io, options: OptionValues): Promise<number> {
  const timeoutMs = durationMs('timeout', textOf(options, 'timeout') ?? defaultTimeout);
  return withCluster(options, async (kube) => {
    const { findOwn } = await import('../edge/kube/remove-own.ts');
    const { findExtensions } = await import('../edge/kube/extensions-there.ts');
    const [own, there] = await Promise.all([findOwn(kube), findExtensions(kube)]);
    const fate = fateOf(options);
    const plan = removalPlan(own, fate === 'remove' ? there : noneThere);
    const objects = [...plan.before, ...plan.declared, ...plan.after, ...there.reports];
    if (objects.length === 0) {
      io.stdout.write('Nothing to remove: Pillion is not installed\n');
      return exitCodes.done;
    }
    const refusal = fate === undefined ? extensionsRefusal('uninstall', there) : undefined;
    if (options.has('dry-run')) {
      list(io, objects, refusal);
      return exitCodes.done;
    }
    if (refusal !== undefined) throw new UsageError(refusal);
    if (!options.has('yes') && !(await confirms(io, objects, kube.server))) {
      io.stdout.write('Nothing was removed\n');
      return exitCodes.done;
    }
    await carryOut(io, kube, { ...plan, reports: there.reports, fate, timeoutMs });
    return exitCodes.done;
  });
}

function list(io: Io, objects: readonly KubeObject[], refusal: string | undefined): void {
  for (const object of objects) io.stdout.write(`${objectText(object)}\n`);
  if (refusal !== undefined) io.stderr.write(`Note: ${refusal}\n`);
}

/** What goes, in this order. */
interface Plan extends RemovalPlan {
  /** Of agents; last, when none is there to write them again. */
  readonly reports: readonly KubeObject[];
  readonly fate: Fate | undefined;
  readonly timeoutMs: number;
}

async function carryOut(io: Io, kube: Kube, { before, after, reports, fate, timeoutMs }: Plan): Promise<void> {
  const { removeObject, removeOwn } = await import('../edge/kube/remove-own.ts');
  const { removeExtensions } = await import('../edge/kube/extensions-there.ts');
  const report = (object: KubeObject): void => void io.stdout.write(`removed ${objectText(object)}\n`);
  await removeOwn(kube, before, report, AbortSignal.timeout(timeoutMs));
  if (fate === 'remove') await removeExtensions(kube, report, AbortSignal.timeout(timeoutMs));
  const left = await removeOwn(kube, after, report, AbortSignal.timeout(timeoutMs));
  for (const object of reports) if (await removeObject(kube, object)) report(object);
  await tellHeld(io, kube);
  if (left !== undefined) {
    throw new UsageError(
      `Cannot finish: after ${timeoutMs / 1000} s, ${left} is still there; run "pillion uninstall" again`,
    );
  }
  io.stdout.write('Pillion is removed\n');
  const kinds = (await keptKinds(kube)).join(' ');
  if (kinds !== '') {
    io.stdout.write(`Kept, with what is declared: ${kinds}; "kubectl delete crd ${kinds}" removes the filters too\n`);
  }
}

/** Kinds whose objects own what Istio gives to running proxies. */
async function keptKinds(kube: Kube): Promise<readonly string[]> {
  const { items } = await kube.list(resources.customResources, { labelSelector: ownSelector });
  return items.map(({ metadata }) => metadata.name);
}

async function confirms(io: Io, objects: readonly KubeObject[], server: string): Promise<boolean> {
  if (io.stdin.isTTY !== true) {
    throw new UsageError('Cannot uninstall: nobody is there to be asked; add --yes, or look first with --dry-run');
  }
  io.stdout.write(`Remove ${objects.length} objects of Pillion from ${server}? [y/N] `);
  for await (const answer of io.stdin) return /^y(es)?$/i.test(String(answer).trim());
  return false;
}
