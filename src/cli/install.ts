// Answers: `pillion install`: puts everything into a cluster but what `pillion control` writes there, says what changed,
// and, when asked, waits until it works.
// Does not belong here: the objects (core/install/), the calls (edge/kube/).
import { hasPolicies } from '../core/cluster/kubernetes-version.ts';
import { names, ownNamespace } from '../core/cluster/names.ts';
import type { ClusterOptions } from '../core/cluster/options.ts';
import { resources } from '../core/cluster/resources.ts';
import { declaredObjects, type ExtensionsThere, noneThere } from '../core/install/extensions-there.ts';
import { fitOf } from '../core/install/fit.ts';
import { type InstallInput, installObjects } from '../core/install/objects.ts';
import type { KubeObject } from '../core/model/kube-object.ts';
import type { Applied } from '../edge/kube/apply.ts';
import type { Kube } from '../edge/kube/client.ts';
import { connectionOptions, withCluster } from './cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from './command.ts';
import { durationMs } from './duration.ts';
import { tellHeld } from './held-pods.ts';
import { choiceOptions, extensionsOption, fateOf, readChoice } from './install-choice.ts';
import { printChanges } from './install-text.ts';
import { objectText, printManifests } from './manifest.ts';

const defaultTimeout = '5m';

export const installCommand: Command = {
  name: 'install',
  summary: 'Install Pillion into a cluster, or bring an installation up to date.',
  details: [
    'Applies everything but the registration, the guard and the certificate, which pillion control writes once a replica',
    'of the webhook answers. May be run again: only what differs is written. The options in the cluster stay as they',
    'are unless --set or --options says otherwise. With -o yaml, and with --dry-run=client, no cluster is asked.',
  ],
  examples: [
    'pillion install --wait',
    'pillion install --image registry.example.com/pillion:0.2.0 --set failurePreset=safe-start',
    'pillion install --diff',
    'pillion install -o yaml | kubectl apply --server-side -f -',
  ],
  options: [
    ...choiceOptions,
    { name: 'output', short: 'o', value: 'FORMAT', choices: ['yaml'], doc: 'Print the objects and apply nothing.' },
    {
      name: 'dry-run',
      value: 'WHO',
      choices: ['client', 'server'],
      doc: 'Write nothing. server: the API server checks every object and says what would change; client: only list them.',
    },
    { name: 'diff', doc: 'Show what would change, field by field, and write nothing.' },
    {
      name: 'allow-overlap',
      doc: 'Install although another webhook injects the same pods: for the time of a move, in which pods pass both.',
    },
    {
      ...extensionsOption,
      doc: 'Where wasm.enabled goes off. remove: Wasm extensions go, and pods that wait start without; keep: proxies that have a filter go on with it.',
    },
    {
      name: 'wait',
      doc: 'Wait until all pods of Pillion are available and the registration and the guard are as the options ask.',
    },
    {
      name: 'timeout',
      value: 'DURATION',
      fallback: defaultTimeout,
      doc: 'How long --wait waits, and --extensions remove for pods: 90s, 5m.',
    },
    ...connectionOptions,
  ],
  run: install,
};

async function install(io: Io, options: OptionValues): Promise<number> {
  const isPrinted = textOf(options, 'output') !== undefined;
  if (isPrinted || textOf(options, 'dry-run') === 'client') {
    const objects = installObjects(await readChoice(io, options));
    io.stdout.write(isPrinted ? printManifests(objects) : objects.map((one) => `${objectText(one)}\n`).join(''));
    return exitCodes.done;
  }
  const timeoutMs = durationMs('timeout', textOf(options, 'timeout') ?? defaultTimeout);
  return withCluster(options, async (kube) => {
    const isDry = options.has('diff') || options.has('dry-run');
    const { choice, left } = await chooseFor(io, options, kube);
    const removed = fateOf(options) === 'remove' ? left : noneThere;
    const how = { isDry, isDiff: options.has('diff'), removed, reports: left.reports, timeoutMs };
    await applyObjects(io, kube, installObjects(choice), how);
    if (left !== noneThere && !isDry) await tellHeld(io, kube);
    if (isDry) return exitCodes.done;
    if (options.has('wait')) await waitForIt(io, kube, choice.options, timeoutMs);
    else io.stdout.write('It is starting: "pillion install --wait" or "pillion doctor" tells when it works\n');
    return exitCodes.done;
  });
}

interface Choice {
  readonly choice: InstallInput;
  /** Wasm extensions whose modules nobody brings any more. */
  readonly left: ExtensionsThere;
}

/** Looks at the cluster first; throws UsageError with every reason why nothing can be installed there. */
async function chooseFor(io: Io, options: OptionValues, kube: Kube): Promise<Choice> {
  const { surveyCluster } = await import('../edge/kube/survey.ts');
  const [optionsMap, deployment] = await Promise.all([
    kube.get(resources.configMaps, names.options, ownNamespace),
    kube.get(resources.deployments, names.webhook, ownNamespace),
  ]);
  const choice = await readChoice(io, options, { options: optionsMap, deployment });
  const survey = await surveyCluster(kube, choice.options);
  const { refusals, notes } = fitOf(survey, choice.options, {
    mayOverlap: options.has('allow-overlap'),
    fate: fateOf(options),
  });
  for (const note of notes) io.stderr.write(`Note: ${note}\n`);
  if (refusals.length > 0) throw new UsageError(refusals.join('\n'));
  return { choice: { ...choice, hasPolicies: hasPolicies(survey.minor) }, left: survey.extensions };
}

const column = 10;

interface ApplyChoice {
  readonly isDry: boolean;
  readonly isDiff: boolean;
  /** Goes while the agents are there still, which let the pods go that wait. */
  readonly removed: ExtensionsThere;
  /** Go once the agents have no right to write them any more. */
  readonly reports: readonly KubeObject[];
  readonly timeoutMs: number;
}

async function applyObjects(
  io: Io,
  kube: Kube,
  objects: readonly KubeObject[],
  { isDry, isDiff, removed, reports, timeoutMs }: ApplyChoice,
): Promise<void> {
  const { applyObject, findLeftOver } = await import('../edge/kube/apply.ts');
  const { removeExtensions } = await import('../edge/kube/extensions-there.ts');
  const { removeObject } = await import('../edge/kube/remove-own.ts');
  const count: Record<Applied['outcome'] | 'removed', number> = { created: 0, changed: 0, unchanged: 0, removed: 0 };
  const tell = (outcome: keyof typeof count, object: KubeObject): void => {
    count[outcome] += 1;
    if (!isDiff || outcome !== 'unchanged') io.stdout.write(`${outcome.padEnd(column)} ${objectText(object)}\n`);
  };
  for (const object of objects) {
    const { outcome, changes } = await applyObject(kube, object, { dryRun: isDry });
    tell(outcome, object);
    if (isDiff) io.stdout.write(printChanges(changes));
  }
  const told = (object: KubeObject): void => tell('removed', object);
  if (isDry) declaredObjects(removed).forEach(told);
  else if (removed !== noneThere) await removeExtensions(kube, told, AbortSignal.timeout(timeoutMs));
  for (const object of [...(await findLeftOver(kube, objects)), ...reports]) {
    if (!isDry) await removeObject(kube, object);
    tell('removed', object);
  }
  const counts = Object.entries(count).flatMap(([outcome, many]) => (many === 0 ? [] : [`${many} ${outcome}`]));
  io.stdout.write(`${counts.join(', ')}${isDry ? '; nothing was written' : ''}\n`);
}

async function waitForIt(io: Io, kube: Kube, options: ClusterOptions, timeoutMs: number): Promise<void> {
  const { awaitRollout } = await import('../edge/kube/await-rollout.ts');
  const report = ({ what, state }: { readonly what: string; readonly state: string }): void =>
    void io.stdout.write(`${what}: ${state}\n`);
  const open = await awaitRollout(kube, options, report, AbortSignal.timeout(timeoutMs));
  if (open.length === 0) return void io.stdout.write('Pillion is installed\n');
  const [first] = open;
  throw new UsageError(
    `Cannot finish the installation: after ${timeoutMs / 1000} s, ${first?.what} is not there yet (${first?.state}); run "pillion doctor"`,
  );
}
