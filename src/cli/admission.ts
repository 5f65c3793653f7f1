// Answers: what is decided about every pod of every document that the command line names. The same for inject and why:
// they differ only in what they print.
// Does not belong here: the decision (core/admit.ts), what is printed (inject.ts, why.ts).
import { admit } from '../core/admit.ts';
import type { Facts, NamespaceFacts } from '../core/model/facts.ts';
import { isObject } from '../core/model/json.ts';
import type { StringMap } from '../core/model/pod.ts';
import { problemLine, quoted } from '../core/model/problem.ts';
import type { Verdict } from '../core/model/verdict.ts';
import { loadFacts } from '../edge/settings-files.ts';
import { type Io, listOf, type OptionRow, type OptionValues, textOf, UsageError } from './command.ts';
import { readDocuments, type SourceDocument } from './documents.ts';
import { readInputs } from './input.ts';
import { type NamespaceMetadata, readNamespaceObject } from './namespace-object.ts';
import { commaList, settingsSources } from './settings-options.ts';
import { findTargets, type Target } from './targets.ts';

/** What is injected, and into which surroundings: the same for inject and why. */
export const inputOptions: readonly OptionRow[] = [
  {
    name: 'file',
    short: 'f',
    value: 'FILE',
    completes: 'file',
    repeatable: true,
    fallback: 'standard input',
    doc: 'Manifests or AdmissionReviews, YAML or JSON; "-" is standard input.',
  },
  {
    name: 'namespace',
    short: 'n',
    value: 'NAME',
    fallback: "the object's own, else default",
    doc: 'Namespace to inject in.',
  },
  {
    name: 'namespace-labels',
    value: 'KEY=VALUE,…',
    doc: 'Labels of the namespace. They decide, as the registration would; without them it counts as opted in.',
  },
  {
    name: 'namespace-object',
    value: 'FILE',
    completes: 'file',
    doc: 'The Namespace as kubectl prints it: its annotations count, and its labels where it has any.',
  },
  {
    name: 'path',
    value: 'PATH',
    fallback: '/inject',
    doc: 'Path of the webhook with its parameters: /inject/cluster/c2/net/n2.',
  },
];

export interface AdmittedTarget {
  readonly target: Target;
  readonly verdict: Verdict;
}

export interface AdmittedDocument {
  readonly document: SourceDocument;
  /** None where the document holds other kinds. */
  readonly targets: readonly AdmittedTarget[];
}

export interface Admission {
  readonly documents: readonly AdmittedDocument[];
  /** Inputs that cannot be read, one line each. */
  readonly problems: readonly string[];
  /** What was thrown on the way, for whoever prints to throw again once everything else is written. */
  readonly defects: readonly unknown[];
  /** What was passed over in the settings, one line each. */
  readonly warnings: readonly string[];
  readonly revision: string;
}

/** Reads everything that the options name and admits every pod in it. Throws UsageError where settings cannot be read. */
export async function admitInput(io: Io, options: OptionValues): Promise<Admission> {
  const path = webhookPath(options);
  const given = await namespaceFacts(io, options);
  const facts = await loadFacts(settingsSources(options));
  if (!facts.ok) throw new UsageError(facts.error.map(problemLine).join('\n'));
  const problems: string[] = [];
  const defects: unknown[] = [];
  const around = { namespace: textOf(options, 'namespace'), path };
  const documents: AdmittedDocument[] = [];
  for (const input of await readInputs(listOf(options, 'file'), io)) {
    const read = input.ok ? readDocuments(input.value) : { documents: [], problems: [input.error] };
    problems.push(...read.problems);
    for (const document of read.documents) {
      try {
        const targets = targetsOf(document, around, problems);
        if (targets === undefined) continue;
        documents.push({
          document,
          targets: targets.map((target) => ({ target, verdict: admitTarget(target, facts.value, given) })),
        });
      } catch (error) {
        defects.push(error); // one document must not keep the others back
      }
    }
  }
  const warnings = facts.warnings.map((warning) => `Warning: ${problemLine(warning)}`);
  return { documents, problems, defects, warnings, revision: facts.value.revision };
}

type Surroundings = Parameters<typeof findTargets>[1];

/** Undefined where the document cannot be used; the reason is added to the problems. */
function targetsOf(
  { file, value }: SourceDocument,
  around: Surroundings,
  problems: string[],
): readonly Target[] | undefined {
  if (value !== null && !isObject(value)) {
    problems.push(`Cannot read ${quoted(file)}: it holds no Kubernetes object; name a manifest`);
    return undefined;
  }
  try {
    return findTargets(value, around);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    problems.push(`${quoted(file)}: ${error.message}`);
    return undefined;
  }
}

/** What is known of the namespace holds for whichever namespace the object is in. */
function admitTarget({ review }: Target, facts: Facts, given: NamespaceFacts | undefined): Verdict {
  if (given === undefined) return admit(review, facts);
  const pod =
    isObject(review.object) && isObject(review.object['metadata']) ? review.object['metadata']['namespace'] : undefined;
  const names = typeof pod === 'string' ? [review.namespace, pod] : [review.namespace];
  return admit(review, { ...facts, namespaces: new Map(names.map((name) => [name, given])) });
}

function webhookPath(options: OptionValues): string {
  const path = textOf(options, 'path') ?? '/inject';
  if (path === '/inject' || path.startsWith('/inject/')) return path;
  throw new UsageError(`Cannot use --path ${quoted(path)}: the webhook has no such path; start it with /inject/`);
}

async function namespaceFacts(io: Io, options: OptionValues): Promise<NamespaceFacts | undefined> {
  const file = textOf(options, 'namespace-object');
  const object: Partial<NamespaceMetadata> = file === undefined ? {} : await readNamespaceObject(io, file);
  const given = textOf(options, 'namespace-labels');
  const labels = given === undefined ? object.labels : labelsOf(given);
  if (given === undefined && file === undefined) return undefined;
  return { labels, annotations: object.annotations ?? {} };
}

function labelsOf(text: string): StringMap {
  return Object.fromEntries(
    commaList(text).map((pair) => {
      const equals = pair.indexOf('=');
      if (equals <= 0)
        throw new UsageError(
          `Cannot use --namespace-labels ${quoted(text)}: ${quoted(pair)} is no label; write key=value`,
        );
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
}
