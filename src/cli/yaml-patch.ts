// Answers: how is a YAML document changed so that what nobody touched keeps its comments, order and quotes. JSON Patch
// operations are applied to the syntax tree; what is printed is read again and compared with what it has to say.
// Does not belong here: which operations (carry-back.ts).
import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Operation } from '../core/model/verdict.ts';
import type { SourceDocument } from './documents.ts';
import { yamlOptions } from './yaml-options.ts';

/** The text of the document after the operations; `value` is what they make of the document's value. */
export function patchedYaml(source: SourceDocument, operations: readonly Operation[], value: unknown): string {
  const { tree } = source;
  if (tree === undefined) return yamlText(value);
  const layout = layoutOf(source.text);
  try {
    const copy = ownCopy(tree, source.text);
    for (const operation of operations) applyToTree(copy, operation);
    const text = copy.toString(layout);
    if (isDeepStrictEqual(parseDocument(text, yamlOptions).toJS(), value)) return withLineEnds(text, source.text);
  } catch (error) {
    if (!(error instanceof Unpatchable)) throw error;
  }
  // an anchor stands for a part that differs now, or a merge key hides it: written out in full, without comments
  const plain = ownCopy(tree, source.text);
  plain.contents = plain.createNode(value, { aliasDuplicateObjects: false }) as typeof plain.contents;
  return withLineEnds(plain.toString(layout), source.text);
}

/** The parser hands the directive %YAML on to the documents that follow; they must not repeat it. */
function ownCopy(tree: Document, text: string): Document {
  const copy = tree.clone();
  if (copy.directives !== undefined && !/^%YAML/m.test(text)) copy.directives.yaml.explicit = false;
  return copy;
}

/** A value as a YAML document of its own. */
export function yamlText(value: unknown): string {
  const empty = parseDocument('', yamlOptions);
  empty.contents = empty.createNode(value, { aliasDuplicateObjects: false }) as typeof empty.contents;
  return empty.toString({ lineWidth: 0, indentSeq: false });
}

/** The tree has no such place, or not in a form that can be changed alone. */
class Unpatchable extends Error {}

interface Layout {
  readonly lineWidth: 0;
  readonly indent: number;
  readonly indentSeq: boolean;
  readonly flowCollectionPadding: boolean;
}

/** How the author lays out YAML: only the width of lines is never ours to change. */
function layoutOf(text: string): Layout {
  const nested = /^( *)[^\s#-][^\n]*:[^\S\n]*(?:#[^\n]*)?\r?\n(?:[^\S\n]*(?:#[^\n]*)?\r?\n)*\1( {1,8})[^\s#-]/m.exec(
    text,
  );
  const list = /^( *)[^\s#-][^\n]*:[^\S\n]*(?:#[^\n]*)?\r?\n(?:[^\S\n]*(?:#[^\n]*)?\r?\n)*( *)- /m.exec(text);
  return {
    lineWidth: 0,
    indent: nested?.[2]?.length ?? 2,
    indentSeq: list !== null && (list[2]?.length ?? 0) > (list[1]?.length ?? 0),
    flowCollectionPadding: /[[{] +[^\s\]}]/.test(text),
  };
}

function withLineEnds(text: string, original: string): string {
  return original.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text;
}

function applyToTree(tree: Document, { path, ...operation }: Operation): void {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop();
  if (last === undefined) throw new Unpatchable('the whole document');
  const parent = keys.reduce<Node>((node, key) => childOf(tree, node, key), contentsOf(tree));
  const created =
    'value' in operation ? tree.createNode(operation.value, { aliasDuplicateObjects: false, flow: false }) : undefined;
  if (isMap(parent)) changeMap(parent, last, created);
  else if (isSeq(parent)) changeList(parent, Number(last), { op: operation.op, created });
  else throw new Unpatchable(path);
}

function contentsOf(tree: Document): Node {
  if (tree.contents === null) throw new Unpatchable('an empty document');
  return unfolded(tree.contents);
}

/** Steps down; an alias on the way becomes a copy of what it stands for, since only this place changes. */
function childOf(tree: Document, node: Node, key: string): Node {
  const holder: Pair | undefined = isMap(node) ? pairOf(node, key) : undefined;
  const child = isSeq(node) ? node.items[Number(key)] : holder?.value;
  if (!isNode(child)) throw new Unpatchable(key);
  if (!isAlias(child)) return unfolded(child);
  const copy = child.resolve(tree)?.clone();
  if (!isNode(copy)) throw new Unpatchable(key);
  if ('anchor' in copy) delete copy.anchor;
  if (holder !== undefined) holder.value = copy;
  else if (isSeq(node)) node.items[Number(key)] = copy;
  return unfolded(copy);
}

/** What is added inside of `{…}` would all stand on one line, so the way to it is written in block style. */
function unfolded(node: Node): Node {
  if (isCollection(node)) node.flow = false;
  return node;
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => (isScalar(pair.key) ? String(pair.key.value) : pair.key) === key);
}

function changeMap(map: YAMLMap, key: string, created: Node | undefined): void {
  const pair = pairOf(map, key);
  if (created === undefined) map.items = map.items.filter((one) => one !== pair);
  else if (pair === undefined) map.set(key, created);
  else if (isScalar(pair.value) && isScalar(created))
    pair.value.value = created.value; // keeps the comment behind it
  else pair.value = created;
}

interface ListChange {
  readonly op: Operation['op'];
  readonly created: Node | undefined;
}

function changeList(list: YAMLSeq, index: number, { op, created }: ListChange): void {
  const items = list.items as Node[];
  const first = items[0];
  // a comment above the first element is kept with the list: it has to go where the element goes
  if (op === 'add' && index === 0 && first !== undefined && list.commentBefore) {
    first.commentBefore = [list.commentBefore, first.commentBefore].filter(Boolean).join('\n');
    delete list.commentBefore;
  }
  items.splice(
    Number.isNaN(index) ? items.length : index,
    op === 'add' ? 0 : 1,
    ...(created === undefined ? [] : [created]),
  );
}
