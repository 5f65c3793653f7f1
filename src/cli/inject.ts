// Answers: `pillion inject`: manifests in, the same manifests with the sidecar out, by the same admit() as the webhook.
import { type AdmittedTarget, admitInput, inputOptions } from './admission.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf } from './command.ts';
import { notices } from './notices.ts';
import { type OutputFormat, outputFormats, printDocuments } from './outputs.ts';
import { settingsOptions } from './settings-options.ts';

export const injectCommand: Command = {
  name: 'inject',
  summary: 'Inject the sidecar into manifests, as the webhook would.',
  details: [
    'Reads Pods, Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs, Lists and',
    'AdmissionReviews (v1, v1beta1). Other kinds and comments come out as they went in; denied objects are left out.',
    'Exit codes: 0 something was injected, 2 usage or unreadable input, 3 everything was left alone, 4 something was',
    'denied, 1 a defect of ours.',
  ],
  examples: [
    'pillion inject -f sleep.yaml | kubectl apply -f -',
    'kubectl get deployment sleep -o yaml | pillion inject -o table',
    'pillion inject -f job.yaml --native false --namespace-labels istio-injection=enabled',
    'pillion inject -f job.yaml --from-cluster --context production',
  ],
  options: [
    ...inputOptions,
    {
      name: 'output',
      short: 'o',
      value: 'FORMAT',
      choices: Object.keys(outputFormats),
      fallback: 'yaml; review for an AdmissionReview',
      doc: 'What to print.',
    },
    ...settingsOptions,
  ],
  run: inject,
};

/** Prints what could be injected on standard output and everything else on standard error; returns the exit code. */
async function inject(io: Io, options: OptionValues): Promise<number> {
  const { documents, problems, defects, warnings } = await admitInput(io, options);
  const targets = documents.flatMap((document) => document.targets);
  const text = printDocuments(documents, textOf(options, 'output') as OutputFormat | undefined);
  if (text !== '') io.stdout.write(text);
  const lines = [...warnings, ...problems, ...targets.flatMap(notices)];
  if (targets.length + problems.length + defects.length === 0)
    lines.push('Nothing to inject: the input holds no pod and no workload');
  for (const line of lines) io.stderr.write(`${line}\n`);
  if (defects.length > 0) throw defects[0];
  return problems.length > 0 ? exitCodes.unusable : exitCodeOf(targets);
}

function exitCodeOf(targets: readonly AdmittedTarget[]): number {
  const has = (kind: AdmittedTarget['verdict']['kind']): boolean =>
    targets.some(({ verdict }) => verdict.kind === kind);
  if (has('deny')) return exitCodes.denied;
  return has('inject') || has('deliver') ? exitCodes.done : exitCodes.nothingInjected;
}
