// Answers: what do the annotations of this pod say, what is wrong with them, and which of them does nobody read.
// Does not belong here: the list of annotations (catalogue.ts).
import type { StringMap } from '../model/pod.ts';
import { annotationPath, type Problem } from '../model/problem.ts';
import {
  type Annotations,
  annotations as catalogue,
  type Entry,
  prometheusAnnotations,
  readElsewhere,
} from './catalogue.ts';
import { nearest } from './nearest.ts';

type Name = keyof typeof catalogue;

const byKey: ReadonlyMap<string, readonly [Name, Entry<unknown>]> = new Map(
  Object.entries(catalogue).map(([name, entry]) => [entry.key, [name as Name, entry]]),
);
const shownPrometheusKeys = Object.values(prometheusAnnotations).map(({ shown }) => shown);
const known = [...byKey.keys(), ...readElsewhere, ...shownPrometheusKeys];
const knownSet: ReadonlySet<string> = new Set(known);
const prometheusKeys: ReadonlySet<string> = new Set(Object.values(prometheusAnnotations).map(({ key }) => key));

export interface ReadAnnotations {
  readonly annotations: Annotations;
  /** Every problem, not only the first. */
  readonly problems: readonly AnnotationProblem[];
}

export interface AnnotationProblem extends Problem {
  /** The templates for which it is one; undefined: for all. */
  readonly onlyIn: readonly string[] | undefined;
}

/** Reads every annotation of the catalogue that the pod has. */
export function readAnnotations(all: StringMap): ReadAnnotations {
  const read: { [name: string]: unknown } = {};
  const problems: AnnotationProblem[] = [];
  for (const key in all) {
    const found = byKey.get(key);
    if (found === undefined) continue;
    const value = all[key] ?? '';
    const result = found[1].parse(value);
    if (result.ok) read[found[0]] = result.value;
    else problems.push({ path: annotationPath(key), value, expected: result.error, onlyIn: found[1].onlyIn });
  }
  return { annotations: read as Annotations, problems };
}

/** An annotation under our or Istio's prefixes that nobody reads: most likely it is misspelt. */
export interface UnreadAnnotation {
  readonly key: string;
  /** The known annotation that looks most like it, where one does. */
  readonly nearest: string | undefined;
}

/** The annotations of the pod that nobody reads although their prefix says that somebody should. */
export function unreadAnnotations(all: StringMap): readonly UnreadAnnotation[] {
  const unread: UnreadAnnotation[] = [];
  for (const key in all) {
    if (!isOurs(key) || knownSet.has(key) || prometheusKeys.has(prometheusForm(key))) continue;
    unread.push({ key, nearest: nearest(key, known) });
  }
  return unread;
}

/** The warning that a user gets for it, as one line. */
export function unreadWarning({ key, nearest: other }: UnreadAnnotation): string {
  const remedy = other === undefined ? 'remove it or see docs/annotations.md' : `did you mean ${other}`;
  return `Nobody reads ${annotationPath(key)}; ${remedy}`;
}

/** A key as Prometheus sees it. */
export function prometheusForm(key: string): string {
  return key.replace(/[^A-Za-z0-9_]/g, '_');
}

/** Keys of istio.io, pillion.dev and their subdomains. */
function isOurs(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return false;
  const domain = key.slice(0, slash);
  return /(^|\.)(istio\.io|pillion\.dev)$/.test(domain);
}
