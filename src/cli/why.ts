// Answers: `pillion why`: what is decided about a pod, gate by gate, and what to change.
// Does not belong here: how it is laid out for a terminal (why-text.ts).
import { problemLine } from '../core/model/problem.ts';
import { nativeReasons, reasons } from '../core/model/verdict.ts';
import { type AdmittedTarget, admitInput, inputOptions } from './admission.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf } from './command.ts';
import { differences } from './difference.ts';
import type { Explanation } from './explanation.ts';
import { pathPrefix } from './notices.ts';
import { settingsOptions } from './settings-options.ts';
import { printExplanation } from './why-text.ts';

export const whyCommand: Command = {
  name: 'why',
  summary: 'Explain what would happen to a pod, gate by gate, and what to change.',
  details: [
    'Takes what inject takes. Exit codes: 0 it was explained, whatever the decision; 2 usage or unreadable input;',
    '3 the input holds no pod.',
  ],
  examples: [
    'pillion why -f sleep.yaml',
    'pillion why -f sleep.yaml --namespace-labels istio-injection=disabled',
    'pillion why -f sleep.yaml -o json | jq .reason',
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
  const { documents, problems, defects, warnings, revision } = await admitInput(io, options);
  const explanations = documents.flatMap(({ targets }) => targets.map((target) => explain(target, revision)));
  const asJson = textOf(options, 'output') === 'json';
  const texts = explanations.map((one) =>
    asJson ? `${JSON.stringify(one, undefined, 2)}\n` : printExplanation(one, terminal(io)),
  );
  if (texts.length > 0) io.stdout.write(texts.join(asJson ? '' : '\n'));
  for (const problem of [...warnings, ...problems]) io.stderr.write(`${problem}\n`);
  if (defects.length > 0) throw defects[0];
  if (problems.length > 0) return exitCodes.unusable;
  if (explanations.length > 0) return exitCodes.done;
  io.stderr.write('Nothing to explain: the input holds no pod and no workload\n');
  return exitCodes.nothingInjected;
}

/** Colour only for a person, and not against NO_COLOR (https://no-color.org). */
function terminal({ stdout, env }: Io): { readonly width: number; readonly colour: boolean } {
  const colour = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return { width: Math.min(stdout.columns ?? 80, 100), colour };
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
    differences: verdict.kind === 'inject' ? differences(target.review.object, verdict.pod) : [],
    problems:
      verdict.kind === 'deny'
        ? verdict.problems.map((problem) => problemLine({ ...problem, path: pathPrefix(target) + problem.path }))
        : [],
    warnings: verdict.warnings,
  };
}
