// Answers: does the pod that comes out look as it did when a person last read it. Every case runs over both roads: the
// command line and the webhook's answer. A case that is not `full` records only what its settings change, so that one
// new variable does not touch every file. UPDATE_GOLDEN=1 (make golden) writes the files anew.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import jsonPatch, { type Operation } from 'fast-json-patch';
import { parse, stringify } from 'yaml';
import { settingsSources } from '../../src/cli/settings-options.ts';
import { admit } from '../../src/core/admit.ts';
import { isObject } from '../../src/core/model/json.ts';
import { printAnswer, readReview } from '../../src/core/review.ts';
import { loadFacts } from '../../src/edge/settings-files.ts';
import { pillion } from '../cli/command-line.ts';

interface GoldenCase {
  readonly title: string;
  readonly full?: boolean;
  /** Options of the command line, without dashes: `native: "false"`. */
  readonly options?: Readonly<Record<string, string>>;
  /** Options that name a file, with what stands in it: `overrides: {…}`. */
  readonly files?: Readonly<Record<string, unknown>>;
  readonly path?: string;
  readonly input: object;
}

const folder = new URL('./cases/', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'pillion-golden-'));
after(() => rmSync(scratch, { recursive: true }));

const names = readdirSync(folder)
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.golden.yaml'))
  .map((file) => basename(file, '.yaml'));

for (const name of names) {
  const golden: GoldenCase = parse(readFileSync(join(folder, `${name}.yaml`), 'utf8'));
  test(`golden: ${golden.title}`, async () => {
    const options = optionsOf(name, golden);
    const overCommand = await overCommandLine(golden, options);
    const overWebhook = await overAnswer(golden, options);
    assert.deepEqual(overWebhook, overCommand, 'both roads give the same pod');
    const base = golden.full ? {} : await overCommandLine({ ...golden, path: '/inject' }, new Map());
    const recorded = golden.full ? stringify(overCommand, { lineWidth: 0 }) : changes(base, overCommand);
    const file = join(folder, `${name}.golden.${golden.full ? 'yaml' : 'txt'}`);
    if (process.env['UPDATE_GOLDEN']) writeFileSync(file, recorded);
    assert.equal(recorded, readFileSync(file, 'utf8'), `make golden shows what changed in ${file}`);
  });
}

test('golden: every file belongs to a case', () => {
  const stale = readdirSync(folder).filter(
    (file) => !names.some((name) => [`${name}.yaml`, `${name}.golden.yaml`, `${name}.golden.txt`].includes(file)),
  );
  assert.deepEqual(stale, []);
});

function optionsOf(name: string, { options = {}, files = {} }: GoldenCase): ReadonlyMap<string, string> {
  const written = Object.entries(files).map(([option, content]): [string, string] => {
    const file = join(scratch, `${name}-${option}.yaml`);
    writeFileSync(file, stringify(content));
    return [option, file];
  });
  return new Map([...Object.entries(options), ...written]);
}

async function overCommandLine(
  { input, path = '/inject' }: GoldenCase,
  options: ReadonlyMap<string, string>,
): Promise<unknown> {
  const flags = [...options].flatMap(([option, value]) => [`--${option}`, value]);
  const { stdout, stderr, exitCode } = await pillion(['inject', '-o', 'json', '--path', path, ...flags], {
    stdin: JSON.stringify(input),
  });
  assert.ok(exitCode === 0 || exitCode === 3, stderr);
  return JSON.parse(stdout);
}

async function overAnswer(
  { input, path = '/inject', files = {} }: GoldenCase,
  options: ReadonlyMap<string, string>,
): Promise<unknown> {
  const namespace = files['namespace-object'] as
    | { metadata: { name: string; annotations?: Record<string, string> } }
    | undefined;
  const facts = await loadFacts({ ...settingsSources(options), ...(namespace && { namespace: namespace.metadata }) });
  assert.ok(facts.ok, JSON.stringify(facts));
  const request = { uid: '1', namespace: options.get('namespace') ?? 'default', object: input };
  const review = readReview({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request }, path);
  assert.ok(review.ok);
  const { response } = JSON.parse(printAnswer(review.value, admit(review.value, facts.value)));
  assert.equal(response.allowed, true, response.status?.message);
  if (response.patch === undefined) return input;
  const patch: Operation[] = JSON.parse(Buffer.from(response.patch, 'base64').toString());
  return jsonPatch.applyPatch(structuredClone(input), patch).newDocument;
}

/** What the second has and the first has not, and the other way round, a line for each leaf. */
function changes(before: unknown, after_: unknown): string {
  const [old, now] = [leaves(before), leaves(after_)];
  const removed = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const added = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...removed, ...added].map((line) => `${line}\n`).join('');
}

/** Containers stand under their name, wherever they are; which list holds them, and in which order, is a line of its own. */
function leaves(value: unknown, path = ''): string[] {
  if (/\.(initContainers|containers)$/.test(path) && Array.isArray(value)) {
    const order = `${path} = ${value.map(({ name }) => name).join(', ')}`;
    return [order, ...value.flatMap((container) => leaves(container, container.name))];
  }
  if (Array.isArray(value))
    return value.flatMap((element, index) => leaves(element, `${path}[${keyOf(element, index)}]`));
  if (isObject(value)) return Object.entries(value).flatMap(([key, member]) => leaves(member, `${path}.${key}`));
  return [`${path} = ${JSON.stringify(value)}`];
}

function keyOf(element: unknown, index: number): string {
  if (isObject(element)) return String(element['mountPath'] ?? element['name'] ?? index);
  return typeof element === 'string' && element.startsWith('-') ? element : String(index);
}
