// Answers: `pillion uninstall`: takes an installation away in an order in which nobody is called who is gone.
// Does not belong here: the order (core/install/removal.ts), the calls (edge/kube/remove-own.ts).
import { ownSelector } from '../core/cluster/labels.ts';
import { resources } from '../core/cluster/resources.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { Kube } from '../edge/kube/client.ts';
import { connectionOptions, withCluster } from './cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from './command.ts';
import { durationMs } from './duration.ts';
import { objectText } from './manifest.ts';

const defaultTimeout = '2m';

export const uninstallCommand: Command = {
  name: 'uninstall',
  summary: 'Take Pillion out of a cluster.',
  details: [
    'Ends pillion control, takes the registration and the guard away, then everything else of ours; namespace',
    'pillion-system goes with all that is in it. Running pods keep their sidecars; pods that start afterwards get none',
    'from us. May be run again where it was broken off. The kinds of Wasm extensions stay with their objects, so that',
    'running proxies keep their filters.',
  ],
  examples: ['pillion uninstall', 'pillion uninstall --dry-run', 'pillion uninstall --yes --timeout 5m'],
  options: [
    { name: 'yes', short: 'y', doc: 'Do not ask.' },
    { name: 'dry-run', doc: 'List what would be removed, and remove nothing.' },
    {
      name: 'timeout',
      value: 'DURATION',
      fallback: defaultTimeout,
      doc: 'How long to wait for the end of control and, at last, of the namespace.',
    },
    ...connectionOptions,
  ],
  run: uninstall,
};

async function uninstall(io: Io, options: OptionValues): Promise<number> {
  const timeoutMs = durationMs('timeout', textOf(options, 'timeout') ?? defaultTimeout);
  return withCluster(options, async (kube) => {
    const { findOwn, removeOwn } = await import('../edge/kube/remove-own.ts');
    const objects = await findOwn(kube);
    if (objects.length === 0) {
      io.stdout.write('Nothing to remove: Pillion is not installed\n');
      return exitCodes.done;
    }
    if (options.has('dry-run')) {
      for (const object of objects) io.stdout.write(`${objectText(object)}\n`);
      return exitCodes.done;
    }
    if (!options.has('yes') && !(await confirms(io, objects, kube.server))) {
      io.stdout.write('Nothing was removed\n');
      return exitCodes.done;
    }
    const report = (object: KubeObject): void => void io.stdout.write(`removed ${objectText(object)}\n`);
    const left = await removeOwn(kube, objects, report, AbortSignal.timeout(timeoutMs));
    if (left === undefined) {
      io.stdout.write('Pillion is removed\n');
      const kinds = (await keptKinds(kube)).join(' ');
      if (kinds !== '') {
        io.stdout.write(
          `Kept, with what is declared: ${kinds}; "kubectl delete crd ${kinds}" removes the filters too\n`,
        );
      }
      return exitCodes.done;
    }
    throw new UsageError(
      `Cannot finish: after ${timeoutMs / 1000} s, ${left} is still there; run "pillion uninstall" again`,
    );
  });
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
