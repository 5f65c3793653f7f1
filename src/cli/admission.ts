// Answers: what is decided about every pod of every document that the command line names. The same for inject and why:
// they differ only in what they print.
// Does not belong here: the decision (core/admit.ts), what is printed (inject.ts, why.ts).
import { admit } from '../core/admit.ts';
import type { Facts, NamespaceFacts } from '../core/model/facts.ts';
import { isObject } from '../core/model/json.ts';
import type { StringMap } from '../core/model/pod.ts';
import { quoted } from '../core/model/problem.ts';
import type { Verdict } from '../core/model/verdict.ts';
import { deliveryPath } from '../core/wasm/names.ts';
import { connectionOptions, fromClusterOption, refuseConnection, withCluster } from './cluster-options.ts';
import { type Io, listOf, type OptionRow, type OptionValues, textOf, UsageError } from './command.ts';
import { readDocuments, type SourceDocument } from './documents.ts';
import { readInputs } from './input.ts';
import { readNamespaceObject } from './namespace-object.ts';
import { clusterSettings, fileSettings, type SettingsAtHand } from './settings-at-hand.ts';
import { commaList } from './settings-options.ts';
import { findTargets, type Target, type TargetPlace } from './targets.ts';

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
    fallback: "the object's own, else default; of a pod in the cluster, that of the context",
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
    doc: 'Path of the webhook with its parameters: /inject/cluster/c2/net/n2. /wasm: as for a pod that another injector injects.',
  },
  fromClusterOption,
  ...connectionOptions,
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

/**
 * Reads everything that the options name and admits every pod in it. Throws UsageError where settings cannot be read, or
 * the cluster cannot be asked.
 */
export async function admitInput(io: Io, options: OptionValues): Promise<Admission> {
  if (options.has(fromClusterOption.name)) {
    return withCluster(options, async (kube) => admitWith(io, options, await clusterSettings(kube, options)));
  }
  refuseConnection(options);
  return admitWith(io, options, await fileSettings(options));
}

async function admitWith(io: Io, options: OptionValues, settings: SettingsAtHand): Promise<Admission> {
  const path = webhookPath(options);
  const given = await givenNamespace(io, options);
  const problems: string[] = [];
  const defects: unknown[] = [];
  const found = await findAll(io, options, path, { problems, defects });
  const { facts, warnings } = await settings.factsFor(
    found.flatMap(({ targets }) => targets.flatMap((target) => namespacesOf(target))),
  );
  const documents = found.flatMap(({ document, targets }): AdmittedDocument[] => {
    try {
      return [{ document, targets: targets.map((target) => ({ target, verdict: admitTarget(target, facts, given) })) }];
    } catch (error) {
      defects.push(error); // one document must not keep the others back
      return [];
    }
  });
  const notes = [...settings.warnings, ...warnings].map((warning) => `Warning: ${warning}`);
  return { documents, problems, defects, warnings: notes, revision: settings.revision };
}

interface FoundDocument {
  readonly document: SourceDocument;
  readonly targets: readonly Target[];
}

async function findAll(
  io: Io,
  options: OptionValues,
  path: string,
  { problems, defects }: { readonly problems: string[]; readonly defects: unknown[] },
): Promise<readonly FoundDocument[]> {
  const around = { namespace: textOf(options, 'namespace'), path };
  const found: FoundDocument[] = [];
  for (const input of await readInputs(listOf(options, 'file'), io)) {
    const read = input.ok ? readDocuments(input.value) : { documents: [], problems: [input.error] };
    problems.push(...read.problems);
    for (const document of read.documents) {
      try {
        const targets = targetsOf(document, around, problems);
        if (targets !== undefined) found.push({ document, targets });
      } catch (error) {
        defects.push(error);
      }
    }
  }
  return found;
}

/** Undefined where the document cannot be used; the reason is added to the problems. */
function targetsOf(
  { file, value }: SourceDocument,
  around: TargetPlace,
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

/** Those that the review and its object name; where they differ, nobody can tell which one is meant. */
function namespacesOf({ review }: Target): readonly string[] {
  const pod =
    isObject(review.object) && isObject(review.object['metadata']) ? review.object['metadata']['namespace'] : undefined;
  return typeof pod === 'string' ? [review.namespace, pod] : [review.namespace];
}

/** The verdict on a target. What is given of the namespace holds for whichever namespace the object is in. */
export function admitTarget(target: Target, facts: Facts, given: Partial<NamespaceFacts>): Verdict {
  if (given.labels === undefined && given.annotations === undefined) return admit(target.review, facts);
  const named = namespacesOf(target).map((name): [string, NamespaceFacts] => {
    const known = facts.namespaces.get(name);
    const labels = given.labels ?? known?.labels;
    return [name, { labels, annotations: given.annotations ?? known?.annotations ?? {} }];
  });
  return admit(target.review, { ...facts, namespaces: new Map(named) });
}

/** The path of the webhook that the request would go to. */
export function webhookPath(options: OptionValues): string {
  const path = textOf(options, 'path') ?? '/inject';
  if (path === '/inject' || path.startsWith('/inject/') || path === deliveryPath) return path;
  throw new UsageError(
    `Cannot use --path ${quoted(path)}: the webhook has no such path; start it with /inject/, or write ${deliveryPath}`,
  );
}

/** What the options say of the namespace; stronger than what the cluster says. */
export async function givenNamespace(io: Io, options: OptionValues): Promise<Partial<NamespaceFacts>> {
  const file = textOf(options, 'namespace-object');
  const object = file === undefined ? undefined : await readNamespaceObject(io, file);
  const given = textOf(options, 'namespace-labels');
  const labels = given === undefined ? object?.labels : labelsOf(given);
  const annotations = object === undefined ? undefined : (object.annotations ?? {});
  return { ...(labels && { labels }), ...(annotations && { annotations }) };
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
