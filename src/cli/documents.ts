// Answers: which documents stand in a text. Each keeps its own text, so that what nobody changes is written back byte
// for byte: comments, separators, quotes and all.
// Does not belong here: what the documents mean (targets.ts), how they are changed (yaml-patch.ts).
import { Composer, type Document, type ErrorCode, LineCounter, Parser, type YAMLError } from 'yaml';
import { quoted } from '../core/model/problem.ts';
import type { InputText } from './input.ts';
import { yamlOptions } from './yaml-options.ts';

export interface SourceDocument {
  /** The file it came from, as messages name it. */
  readonly file: string;
  /** Its part of the file's text; the parts of a file together are the file. */
  readonly text: string;
  /** As JSON; null where the document is empty. */
  readonly value: unknown;
  /** The syntax tree with comments; undefined where the text is JSON. */
  readonly tree: Document | undefined;
}

export interface ReadDocuments {
  readonly documents: readonly SourceDocument[];
  /** What could not be read, one line each, with line and column. */
  readonly problems: readonly string[];
}

/** As the API server's own limit does, this keeps recursion over the value from running out of stack. */
const deepestNesting = 1000;

/** All documents of a text that can be read, and a problem for each that cannot. */
export function readDocuments(input: InputText): ReadDocuments {
  const json = jsonValue(input.text);
  const read =
    json === undefined ? readYaml(input) : { documents: [{ ...document(input), value: json.value }], problems: [] };
  const documents: SourceDocument[] = [];
  const problems = [...read.problems];
  for (const one of read.documents) {
    if (isTooDeep(one.value))
      problems.push(`Cannot read ${quoted(input.name)}: it is nested more than ${deepestNesting} levels deep`);
    else documents.push(one);
  }
  return { documents, problems };
}

function document({ name, text }: InputText): Omit<SourceDocument, 'value'> {
  return { file: name, text, tree: undefined };
}

/** JSON is read as JSON: exactly, and some twenty times faster than as YAML. Of equal keys the last one counts there. */
function jsonValue(text: string): { readonly value: unknown } | undefined {
  if (!/^\uFEFF?\s*\{/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text.replace(/^\uFEFF/, '')) };
  } catch {
    return undefined;
  }
}

function readYaml(input: InputText): ReadDocuments {
  const lines = new LineCounter();
  const composer = new Composer(yamlOptions);
  const trees: Document[] = [];
  const starts = [0];
  let atBoundary = false;
  try {
    for (const token of new Parser(lines.addNewLine).parse(input.text)) {
      // the marker "..." and the line end belong to the document before them, everything else to the one that follows
      if (atBoundary && token.type !== 'doc-end') {
        starts.push(token.offset);
        atBoundary = false;
      }
      if (token.type === 'document') atBoundary = true;
      trees.push(...composer.next(token));
    }
    trees.push(...composer.end(false, input.text.length));
  } catch (error) {
    return { documents: [], problems: [unreadable(input, undefined, error)] };
  }
  return valuesOf(input, trees, { starts, lines });
}

interface Places {
  readonly starts: readonly number[];
  readonly lines: LineCounter;
}

function valuesOf(input: InputText, trees: readonly Document[], { starts, lines }: Places): ReadDocuments {
  const documents: SourceDocument[] = [];
  const problems: string[] = [];
  // a text of comments alone has no document; it is kept as an empty one
  if (trees.length === 0) return { documents: [{ ...document(input), value: null }], problems };
  for (const [index, tree] of trees.entries()) {
    const end = index + 1 < trees.length ? starts[index + 1] : input.text.length;
    const text = input.text.slice(starts[index], end);
    if (tree.errors.length > 0) {
      // one mistake in YAML leads to many errors: only the first one tells
      problems.push(...tree.errors.slice(0, 1).map((error) => syntaxProblem(input, error, lines)));
      continue;
    }
    try {
      documents.push({ file: input.name, text, value: tree.toJS({ maxAliasCount: mostAliases }) ?? null, tree });
    } catch (error) {
      problems.push(unreadable(input, lines.linePos(starts[index] ?? 0).line, error));
    }
  }
  return { documents, problems };
}

/** Uses of an anchor times what it stands for: against documents that unfold to gigabytes. */
const mostAliases = 1000;

const codes: Partial<Record<ErrorCode, string>> = {
  DUPLICATE_KEY: 'the key stands twice in one map; remove one of them',
  RESOURCE_EXHAUSTION: 'it is nested too deeply; send a flatter object',
};

function syntaxProblem(input: InputText, error: YAMLError, lines: LineCounter): string {
  const { line, col } = lines.linePos(error.pos[0]);
  const what = codes[error.code] ?? lowerFirst(error.message);
  return `Cannot read ${quoted(input.name)}, line ${line}, column ${col}: ${what}`;
}

function unreadable(input: InputText, line: number | undefined, error: unknown): string {
  const place = line === undefined ? quoted(input.name) : `${quoted(input.name)}, document at line ${line}`;
  if (error instanceof RangeError) return `Cannot read ${place}: it is nested too deeply`;
  return `Cannot read ${place}: ${lowerFirst(error instanceof Error ? error.message : String(error))}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Walks level by level instead of recursing: the value may be deeper than the stack. */
function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepestNesting) return true;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return false;
}
