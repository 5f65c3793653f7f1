// Answers: does what `pillion inject` does not change stay as its author wrote it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAllDocuments, parseDocument } from 'yaml';
import { pillion, temporaryFiles } from './command-line.ts';
import { deniedYaml, hostNetworkYaml, podYaml, serviceYaml, workloadYaml } from './manifests.ts';

const file = temporaryFiles();

async function injected(text: string, args: readonly string[] = []): Promise<string> {
  const { exitCode, stdout, stderr } = await pillion(['inject', ...args], { stdin: text });
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

/** The lines that stand in `before` and not in `after`. */
function lostLines(before: string, after: string): readonly string[] {
  const left = new Set(after.split('\n'));
  return before.split('\n').filter((line) => !left.has(line));
}

test('other kinds, empty documents, separators and comments between them come out byte for byte', async () => {
  const before = `%YAML 1.1\n--- # first\n${serviceYaml}---\n\n# nothing here\n---\n`;
  const after = '--- \n# tail\napiVersion: example.com/v1\nkind: Deployment\nspec: {a:   yes}\n...\n# the end';
  const output = await injected(`${before}${podYaml}${after}`);
  assert.ok(output.startsWith(before), output);
  assert.ok(output.endsWith(after), output);
});

test('a pod that is left alone comes out byte for byte, without a line end added', async () => {
  const text = `# mine\n${hostNetworkYaml}   # odd`;
  assert.equal((await pillion(['inject'], { stdin: text })).stdout, text);
});

test('comments, key order, quotes and number forms of an injected document stay', async () => {
  const text = `# head
apiVersion: apps/v1 # version
kind: Deployment
metadata:
  # about the name
  name: 'web'
spec:
  template:
    spec:
      # keys in an order of their own
      volumes:
      # the mode is octal
      - name: data
        secret:
          defaultMode: 0644
      initContainers:
      # prepares things
      - name: prepare # first of all
        image: "example.com/prepare:1"
      containers:
      - name: app
        image: example.com/app:1

        # how to start
        args: [--on, "yes", 1.10]
        command:
        - sh
        - |
          echo  one
          echo two
# tail
`;
  const output = await injected(text.replace('1.10', '"1.10"'));
  assert.deepEqual(lostLines(text.replace('1.10', '"1.10"'), output), []);
  assert.match(output, /valueFrom|istio-proxy/);
  assert.match(output, /# prepares things\n {6}- name: prepare/, 'the comment stays above its container');
  const { volumes } = parseDocument(output, { version: '1.1' }).toJS().spec.template.spec;
  assert.equal(volumes.find(({ name }: { name: string }) => name === 'data').secret.defaultMode, 0o644);
});

test('the indentation of lists stays as the author has it', async () => {
  const indented = podYaml.replace('  - name: app\n    image', '    - name: app\n      image');
  assert.deepEqual(lostLines(indented, await injected(indented)), []);
  assert.deepEqual(lostLines(podYaml, await injected(podYaml)), []);
});

test('line ends of Windows stay', async () => {
  const output = await injected(podYaml.replaceAll('\n', '\r\n'));
  assert.equal(output.replaceAll('\r\n', '').includes('\n'), false);
});

test('a document in flow style is injected, in block style where something is added', async () => {
  const output = await injected(
    '{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: app, image: a}]}}\n',
  );
  assert.match(output, /^ *- name: istio-proxy$/m);
});

test('aliases and merge keys come out as what they stand for where injection changes it', async () => {
  const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: &meta
    name: web
    annotations: &notes {a: b}
  spec: &spec
    containers:
    - name: app
      image: a
- apiVersion: v1
  kind: Pod
  metadata:
    <<: *meta
    name: other
  spec: *spec
`;
  const { items } = parseDocument(await injected(text), { version: '1.1' }).toJS();
  for (const pod of items) {
    assert.deepEqual(
      pod.spec.initContainers.map(({ name }: { name: string }) => name),
      ['istio-init', 'istio-proxy'],
    );
    assert.equal(pod.metadata.annotations.a, 'b');
    assert.ok(pod.metadata.annotations['sidecar.istio.io/status']);
  }
  assert.deepEqual(
    items.map((pod: { metadata: { name: string } }) => pod.metadata.name),
    ['web', 'other'],
  );
});

test('what an anchor gives to other parts of the document does not change with the pod', async () => {
  const text = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata:
    name: web
    labels: &labels {app: web}
  spec:
    containers: [{name: app, image: a}]
- apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec:
    selector: *labels
`;
  const { items } = parseDocument(await injected(text), { version: '1.1' }).toJS();
  assert.equal(items[0].metadata.labels['security.istio.io/tlsMode'], 'istio');
  assert.deepEqual(items[1].spec.selector, { app: 'web' });
});

test('text is quoted that a YAML 1.1 parser would take for something else', async () => {
  const output = await injected(
    podYaml.replace(
      'image: example.com/app:1',
      'image: a\n    env: [{name: A, value: "012"}, {name: B, value: 12:30}, {name: C, value: 2020-01-01}]',
    ),
  );
  const env = parseDocument(output, { version: '1.1' }).getIn(['spec', 'containers', 0, 'env'], true) as {
    toJSON(): unknown;
  };
  assert.deepEqual(env.toJSON(), [
    { name: 'A', value: '012' },
    { name: 'B', value: '12:30' },
    { name: 'C', value: '2020-01-01' },
  ]);
});

test('a field without value counts as absent, as for the API server', async () => {
  const output = await injected(
    workloadYaml('apps/v1', 'Deployment').replace('labels:\n        app: web', 'labels:\n      annotations:'),
  );
  const metadata = parseDocument(output).getIn(['spec', 'template', 'metadata'], true) as {
    toJSON(): { labels: object };
  };
  assert.equal((metadata.toJSON().labels as Record<string, string>)['service.istio.io/canonical-name'], 'web');
});

test('of a List only the pods change: denied ones go, other items stay', async () => {
  const item = (text: string): string => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`;
  const list = `apiVersion: v1\nkind: List\nitems:\n${item(serviceYaml.replace('# a service, oddly   spaced\n', ''))}${item(deniedYaml)}${item(deniedYaml)}${item(podYaml)}`;
  const { exitCode, stdout } = await pillion(['inject'], { stdin: list });
  assert.equal(exitCode, 4);
  const { items } = parseDocument(stdout).toJS();
  assert.deepEqual(
    items.map((one: { kind: string }) => one.kind),
    ['Service', 'Pod'],
  );
  assert.equal(items[1].spec.initContainers.length, 2);
});

test('documents of several files and standard input come out in the order given, with a separator between them', async () => {
  const [one, two] = [file('one.yaml', podYaml.trimEnd()), file('two.yaml', serviceYaml)];
  const { stdout } = await pillion(['inject', '-f', one, '-f', '-', '-f', two], {
    stdin: workloadYaml('batch/v1', 'Job'),
  });
  assert.deepEqual(
    parseAllDocuments(stdout).map((document) => (document.toJS() as { kind: string }).kind),
    ['Pod', 'Job', 'Service'],
  );
  assert.ok(stdout.endsWith(serviceYaml));
});

const unreadable: readonly (readonly [string, string, RegExp])[] = [
  [
    'a key that stands twice',
    podYaml.replace('  name: web', '  name: web\n  name: other'),
    /line 5, column 3: the key stands twice/,
  ],
  ['a document that is a text', 'just words', /holds no Kubernetes object/],
  ['100,000 levels of nesting', `kind: Pod\nspec: ${'['.repeat(100_000)}`, /Cannot read/],
  [
    '100,000 levels of JSON',
    `{"kind":"Pod","spec":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    /nested more than 1000 levels/,
  ],
  ['aliases that unfold to gigabytes', bomb(), /alias/],
  [
    'a lone surrogate',
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: '\ud800' } }),
    /lone surrogate/,
  ],
  ['a key that names a prototype', '{"apiVersion":"v1","kind":"Pod","metadata":{"__proto__":{"a":1}}}', /__proto__/],
];

for (const [what, text, message] of unreadable) {
  test(`${what} ends with 2 and one line`, async () => {
    const { exitCode, stderr } = await pillion(['inject'], { stdin: text });
    assert.equal(exitCode, 2);
    assert.match(stderr, message);
    assert.equal(stderr.split('\n').length, 2, stderr.slice(0, 500));
  });
}

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 10; i += 1)
    lines.push(
      `a${i}: &a${i} [${Array(9)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return `kind: Pod\n${lines.join('\n')}\n`;
}

test('bytes that are not UTF-8 end with 2', async () => {
  const path = file('latin.yaml', '');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(path, Buffer.from([0x6b, 0x3a, 0x20, 0xe9]));
  const { exitCode, stderr } = await pillion(['inject', '-f', path]);
  assert.equal(exitCode, 2);
  assert.match(stderr, /not UTF-8/);
});
