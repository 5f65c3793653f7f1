// Answers: `pillion why`: what is decided about a pod, gate by gate, and what to change.
// Does not belong here: how it is laid out for a terminal (why-text.ts).
import { problemLine } from '../core/model/problem.ts';
import { nativeReasons, reasons } from '../core/model/verdict.ts';
import { type AdmittedTarget, admitInput, inputOptions } from './admission.ts';
import { withCluster } from './cluster-options.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from './command.ts';
import { differences } from './difference.ts';
import type { Explanation } from './explanation.ts';
import { admitLivePod } from './live-pod.ts';
import { pathPrefix } from './notices.ts';
import { settingsOptions } from './settings-options.ts';
import { terminalOf } from './terminal.ts';
import { printExplanation } from './why-text.ts';

export const whyCommand: Command = {
  name: 'why',
  summary: 'Explain what would happen to a pod, gate by gate, and what to change.',
  details: [
    'Takes what inject takes, or the name of a pod in the cluster: then what would be decided if it were created now, with',
    'the settings of the cluster. Exit codes: 0 it was explained, whatever the decision; 2 usage, unreadable input, or a',
    'cluster that cannot be asked; 3 the input holds no pod.',
  ],
  examples: [
    'pillion why -f sleep.yaml',
    'pillion why pod sleep-7656cf8794-x2vbk -n shop',
    'pillion why -f sleep.yaml --from-cluster',
    'pillion why -f sleep.yaml --namespace-labels istio-injection=disabled',
    'pillion why -f sleep.yaml -o json | jq .reason',
  ],
  arguments: [
    { name: 'kind', choices: ['pod'], isOptional: true, doc: 'What in the cluster is explained, in the place of -f:' },
    { name: 'name', isOptional: true, doc: 'Its name.' },
  ],
  options: [
    ...inputOptions,
    {
      name: 'output',
      short: 'o',
      value: 'FORMAT',
      choices: ['text', 'json'],
      fallback: 'text',
      doc: 'What to print: text for people, or one JSON object for each pod.',
    },
    ...settingsOptions,
  ],
  run: why,
};

async function why(io: Io, options: OptionValues): Promise<number> {
  if (options.has('kind')) return whyPod(io, options);
  const { documents, problems, defects, warnings, revision } = await admitInput(io, options);
  const explanations = documents.flatMap(({ targets }) => targets.map((target) => explain(target, revision)));
  print(io, options, explanations);
  for (const problem of [...warnings, ...problems]) io.stderr.write(`${problem}\n`);
  if (defects.length > 0) throw defects[0];
  if (problems.length > 0) return exitCodes.unusable;
  if (explanations.length > 0) return exitCodes.done;
  io.stderr.write('Nothing to explain: the input holds no pod and no workload\n');
  return exitCodes.nothingInjected;
}

async function whyPod(io: Io, options: OptionValues): Promise<number> {
  const name = textOf(options, 'name');
  if (name === undefined)
    throw new UsageError('Cannot explain a pod: its name is missing; write "pillion why pod NAME"');
  if (options.has('file'))
    throw new UsageError('Cannot explain a pod of the cluster and a file at once; leave one out');
  const { target, live, revision, warnings } = await withCluster(options, (kube) =>
    admitLivePod(kube, io, options, name),
  );
  const explanation = explain(target, revision);
  // of a pod that has its sidecar, nobody can tell what it was before
  print(io, options, [{ ...explanation, ...(live.injected && { differences: [] }), live }]);
  for (const warning of warnings) io.stderr.write(`${warning}\n`);
  return exitCodes.done;
}

function print(io: Io, options: OptionValues, explanations: readonly Explanation[]): void {
  const asJson = textOf(options, 'output') === 'json';
  const texts = explanations.map((one) =>
    asJson ? `${JSON.stringify(one, undefined, 2)}\n` : printExplanation(one, terminalOf(io)),
  );
  if (texts.length > 0) io.stdout.write(texts.join(asJson ? '' : '\n'));
}

function explain({ target, verdict }: AdmittedTarget, revision: string): Explanation {
  const { doc, remedy } = reasons[verdict.reason];
  return {
    kind: target.kind,
    name: target.name,
    namespace: target.review.namespace,
    revision,
    decision: verdict.kind,
    reason: verdict.reason,
    because: doc,
    remedy: remedy === '' ? undefined : remedy,
    gates: verdict.trace,
    native:
      verdict.kind === 'inject' ? { ...verdict.native, because: nativeReasons[verdict.native.reason] } : undefined,
    templates: verdict.kind === 'inject' ? verdict.templates : [],
    modules: 'modules' in verdict ? verdict.modules : [],
    differences: 'pod' in verdict ? differences(target.review.object, verdict.pod) : [],
    problems:
      verdict.kind === 'deny'
        ? verdict.problems.map((problem) => problemLine({ ...problem, path: pathPrefix(target) + problem.path }))
        : [],
    warnings:
      verdict.kind === 'inject' && verdict.notice !== undefined
        ? [verdict.notice, ...verdict.warnings]
        : verdict.warnings,
  };
}
