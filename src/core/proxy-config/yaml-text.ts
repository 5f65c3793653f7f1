// Answers: what does a text in YAML or JSON say, read as Istio's programs read it: YAML 1.1 by go-yaml, turned to JSON.
// Does not belong here: what the settings mean; YAML that is printed again (cli/).
import { Composer, type Document, LineCounter, Parser, type Tags, type YAMLParseError } from 'yaml';
import { fail, ok, type Result } from '../model/problem.ts';

export interface YamlMistake {
  readonly message: string;
  /** Counted from one; undefined where no place can be told. */
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** A value that is nested deeper than this is an attack or contains itself. */
const deepest = 200;

/** YAML 1.1, 5.1: of the control characters only tab and line ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unprintable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

interface Reading {
  /** A second document is refused where a person should be told that it would be passed over. */
  readonly only: 'first-document' | 'one-document';
  /** In characters; text in JSON may be longer. */
  readonly longestYaml: number;
}

const wholeFile: Reading = { only: 'one-document', longestYaml: Number.POSITIVE_INFINITY };

/** Reads the first document of a text; an empty text is null. Keys that occur twice count with their last value. */
export function readYaml(text: string, reading = wholeFile): Result<unknown, YamlMistake> {
  if (unprintable.test(text)) return mistake('it holds control characters');
  const json = /^\s*[{[]/.test(text) ? readJson(text) : undefined;
  const read = json === undefined ? readYamlOnly(text, reading) : ok(json);
  if (read.ok && isTooDeep(read.value)) return mistake(`it is nested deeper than ${deepest} levels`);
  return read;
}

/** The mistake as the end of a sentence: `… (line 3, column 7)`. */
export function mistakeText(found: YamlMistake): string {
  return found.line === undefined
    ? found.message
    : `${found.message} (line ${found.line}, column ${found.column ?? 1})`;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // It may be a mapping in YAML's flow style.
  }
}

function readYamlOnly(text: string, { only, longestYaml }: Reading): Result<unknown, YamlMistake> {
  if (text.length > longestYaml) return mistake(`it is longer than ${longestYaml} characters; write it in JSON`);
  const lines = new LineCounter();
  try {
    const [first, second] = firstDocuments(text, lines);
    if (first === undefined) return ok(null);
    if (second !== undefined && only === 'one-document') return mistake('it holds more than one document');
    const [error] = first.errors;
    return error === undefined ? ok(first.toJS()) : mistake(errorText(error.message), placeOf(error, lines));
  } catch (error) {
    // Thrown for too many aliases, and by the engine for too deep a nesting.
    return mistake(errorText(error instanceof Error ? error.message : String(error)));
  }
}

/**
 * At most two documents. Not by parseAllDocuments(), which copies its line for every error: minutes for a large text that
 * is full of them.
 */
function firstDocuments(text: string, lines: LineCounter): readonly Document.Parsed[] {
  const composer = new Composer({
    version: '1.1',
    customTags: withoutTimes,
    uniqueKeys: false,
    stringKeys: false,
    logLevel: 'silent',
  });
  const found: Document.Parsed[] = [];
  for (const document of composer.compose(new Parser(lines.addNewLine).parse(text))) {
    if (found.push(document) > 1) break;
  }
  return found;
}

function placeOf(
  { pos: [offset] }: YAMLParseError,
  lines: LineCounter,
): ReturnType<LineCounter['linePos']> | undefined {
  return offset < 0 ? undefined : lines.linePos(offset);
}

/** go-yaml knows neither sexagesimal numbers nor implicit timestamps: `10:30` and `2001-12-14` are text. */
function withoutTimes(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === 'string' || !('tag' in tag) || !isTime(tag));
}

function isTime(tag: { readonly tag: string; readonly format?: string }): boolean {
  return tag.format === 'TIME' || tag.tag === 'tag:yaml.org,2002:timestamp';
}

/** The first line; the engine's words for exhaustion are put into ours. */
function errorText(message: string): string {
  return /call stack/.test(message) ? 'it is nested too deeply' : (message.split('\n')[0] ?? '');
}

function mistake(message: string, place?: { readonly line: number; readonly col: number }): Result<never, YamlMistake> {
  return fail({ message, line: place?.line, column: place?.col });
}

function isTooDeep(value: unknown, level = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return level > deepest || Object.values(value).some((member) => isTooDeep(member, level + 1));
}
