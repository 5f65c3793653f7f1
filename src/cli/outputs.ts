// Answers: how are the documents written in each output format.
// Does not belong here: what is said on standard error (notices.ts), exit codes (inject.ts).

import { isObject } from '../core/model/json.ts';
import type { Operation } from '../core/model/verdict.ts';
import { printAnswer } from '../core/review.ts';
import type { AdmittedDocument, AdmittedTarget } from './admission.ts';
import { operationsOnDocument, patchedValue } from './carry-back.ts';
import { listCell, printTable } from './table.ts';
import { patchedYaml, yamlText } from './yaml-patch.ts';

/** The formats of -o, in words. */
export const outputFormats = {
  yaml: 'the documents with the pods injected',
  json: 'the same as JSON, one object after the other',
  patch: 'a JSON Patch per document; of several documents one on each line',
  review: 'what the webhook answers: one AdmissionReview for each pod',
  table: 'NAME, INIT and CONTAINERS of every pod, as kubectl prints columns',
} as const;

export type OutputFormat = keyof typeof outputFormats;

/**
 * The documents as text. Without a format an AdmissionReview is answered by one, and everything else is YAML.
 * A pod that was denied is left out, so that nothing gets applied that was not meant to be.
 */
export function printDocuments(documents: readonly AdmittedDocument[], format: OutputFormat | undefined): string {
  switch (format) {
    case 'table':
      return printTable(
        ['NAME', 'INIT', 'CONTAINERS'],
        documents.flatMap(({ targets }) => targets.flatMap(tableRow)),
      );
    case 'patch':
      return printPatches(documents);
    case 'review':
      return documents.flatMap(({ targets }) => targets.map(answer)).join('');
    case 'json':
      return documents.flatMap(jsonTexts).join('');
    case 'yaml':
    case undefined:
      return printYaml(documents, format);
  }
}

function answer({ target, verdict }: AdmittedTarget): string {
  return `${printAnswer(target.review, verdict)}\n`;
}

function tableRow({ target, verdict }: AdmittedTarget): string[][] {
  if (verdict.kind === 'deny') return [];
  const pod: unknown = 'pod' in verdict ? verdict.pod : target.review.object;
  const spec = isObject(pod) && isObject(pod['spec']) ? pod['spec'] : {};
  return [
    [
      target.name || '<none>',
      listCell(containerNames(spec['initContainers'])),
      listCell(containerNames(spec['containers'])),
    ],
  ];
}

function containerNames(list: unknown): readonly string[] {
  return Array.isArray(list)
    ? list.map((container: unknown) => String(isObject(container) ? container['name'] : container))
    : [];
}

/** `null` stands for a document that was denied: it has no patch, not an empty one. */
function printPatches(documents: readonly AdmittedDocument[]): string {
  const patches = documents
    .filter(({ document }) => document.value !== null)
    .map((one) => (isDenied(one) ? null : operationsOf(one)));
  if (patches.length === 1) return `${JSON.stringify(patches[0], undefined, 2)}\n`;
  return patches.map((patch) => `${JSON.stringify(patch)}\n`).join('');
}

/** Of a list only the items are denied, never the list. */
function isDenied({ targets }: AdmittedDocument): boolean {
  return targets.some(({ target, verdict }) => verdict.kind === 'deny' && itemPointer(target.pointer) === '');
}

/** Pods of a list that were denied are taken out from the end, so that the places of the others stay as they are. */
function operationsOf({ targets }: AdmittedDocument): readonly Operation[] {
  const changes = targets.flatMap(({ target, verdict }) =>
    'patch' in verdict ? operationsOnDocument(target, verdict.patch) : [],
  );
  const denied = targets
    .filter(({ verdict }) => verdict.kind === 'deny')
    .map(({ target }): Operation => ({ op: 'remove', path: itemPointer(target.pointer) }));
  return [...changes, ...denied.reverse()];
}

/** The list's item that a pod belongs to: `/items/3/spec/template` → `/items/3`. */
function itemPointer(pointer: string): string {
  return /^(?:\/items\/\d+)*/.exec(pointer)?.[0] ?? pointer;
}

/** What the operations are about: an AdmissionReview counts as the pod in it. */
function subject({ document, targets }: AdmittedDocument): unknown {
  const target = targets[0]?.target;
  return target?.isReview ? target.written : document.value;
}

function jsonTexts(document: AdmittedDocument): string[] {
  if (document.document.value === null || isDenied(document)) return [];
  return [`${JSON.stringify(patchedValue(subject(document), operationsOf(document)), undefined, 2)}\n`];
}

function yamlPart(document: AdmittedDocument, format: 'yaml' | undefined): string[] {
  const [first] = document.targets;
  if (first?.target.isReview) {
    if (format === undefined) return [answer(first)];
    return isDenied(document) ? [] : [yamlText(patchedValue(first.target.written, operationsOf(document)))];
  }
  if (isDenied(document)) return [];
  const operations = operationsOf(document);
  const { document: source } = document;
  return [
    operations.length === 0 ? source.text : patchedYaml(source, operations, patchedValue(source.value, operations)),
  ];
}

function printYaml(documents: readonly AdmittedDocument[], format: 'yaml' | undefined): string {
  const parts = documents.flatMap((document) => yamlPart(document, format));
  const answersOnly = format === undefined && documents.every(({ targets }) => targets[0]?.target.isReview === true);
  return answersOnly ? parts.join('') : joinYaml(parts);
}

/** Puts `---` between documents where their own texts do not. */
function joinYaml(parts: readonly string[]): string {
  const pieces: string[] = [];
  let before = '';
  for (const part of parts.filter((one) => one !== '')) {
    if (before !== '' && !before.endsWith('\n')) pieces.push('\n');
    if (before !== '' && part.trim() !== '' && !startsDocument.test(part) && !endsDocument.test(before))
      pieces.push('---\n');
    pieces.push(part);
    before = part;
  }
  return pieces.join('');
}

/** Comments, blank lines and directives may stand before the marker. */
const startsDocument = /^\uFEFF?(?:[^\S\n]*(?:#.*)?\r?\n|%.*\n)*---(?:\s|$)/;
const endsDocument = /(?:^|\n)\.\.\.[^\S\n]*(?:#.*)?\r?\n$/;
