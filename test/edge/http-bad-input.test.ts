// Answers: what does the admission port say to what is no review, or a bad one, and is the next good one answered.
import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { pod, withContainer } from '../builders.ts';
import { agentFor, type Received, reviewBody, type Sent, send, startListener } from './loopback.ts';

const mebibyte = 1024 * 1024;
const limit = 8 * mebibyte;

interface Case extends Sent {
  readonly what: string;
  readonly status: number;
  /** What the whole text of the answer has to match. */
  readonly text: RegExp;
}

/** A review with something else in the place of a member. */
function reviewWith(changes: object): string {
  return JSON.stringify({ ...JSON.parse(reviewBody()), ...changes });
}

function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

const withNesting = reviewBody().replace('"object":{', `"object":{"deep":${nested(100_000)},`);

const refused: readonly Case[] = [
  { what: 'an empty body', body: '', status: 400, text: /^Cannot read the review: the body is empty; .+\n$/ },
  {
    what: 'a body that is not JSON',
    body: '{"a":\n\nx',
    status: 400,
    text: /^Cannot read the review: the body is not JSON: .+\n$/,
  },
  { what: 'half a review', body: reviewBody().slice(0, -9), status: 400, text: /is not JSON/ },
  { what: 'a body that is not UTF-8', body: Buffer.from([0x22, 0xc3, 0x28, 0x22]), status: 400, text: /is not UTF-8/ },
  { what: 'a list', body: '[]', status: 400, text: /not a JSON object/ },
  { what: 'null', body: 'null', status: 400, text: /not a JSON object/ },
  {
    what: 'another kind',
    body: reviewWith({ kind: 'Pod' }),
    status: 400,
    text: /kind is "Pod"; send an AdmissionReview/,
  },
  {
    what: 'an unknown version',
    body: reviewWith({ apiVersion: 'admission.k8s.io/v2' }),
    status: 400,
    text: /apiVersion is "admission.k8s.io\/v2"/,
  },
  { what: 'no request', body: reviewWith({ request: undefined }), status: 400, text: /it has no request/ },
  { what: 'no uid', body: reviewWith({ request: { object: {} } }), status: 400, text: /request.uid is missing/ },
  { what: 'no object', body: reviewWith({ request: { uid: 'u' } }), status: 400, text: /it has no request.object/ },
  { what: '100,000 levels of nesting', body: nested(100_000), status: 400, text: /nested more than/ },
  { what: '100,000 levels of nesting in a pod', body: withNesting, status: 400, text: /nested more than/ },
  { what: '4 million levels of nesting', body: nested(4 * mebibyte), status: 400, text: /nested more than/ },
  {
    what: 'a __proto__ key',
    body: reviewBody().replace('"metadata":', '"__proto__":{"a":1},"metadata":'),
    status: 400,
    text: /__proto__/,
  },
  {
    what: 'a lone surrogate',
    body: reviewBody().replace('example.com/web', '\\ud800'),
    status: 400,
    text: /lone surrogate/,
  },
  {
    what: 'another content type',
    headers: { 'Content-Type': 'text/plain' },
    body: reviewBody(),
    status: 415,
    text: /content type is "text\/plain"; send application\/json/,
  },
  {
    what: 'a content type that only begins so',
    headers: { 'Content-Type': 'application/json-seq' },
    body: reviewBody(),
    status: 415,
    text: /json-seq/,
  },
  { what: 'no content type', headers: {}, body: reviewBody(), status: 415, text: /content type is missing/ },
  { what: 'GET', method: 'GET', status: 405, text: /^Cannot answer GET: .+ send one with POST\n$/ },
  {
    what: 'another path',
    path: '/validate',
    body: reviewBody(),
    status: 404,
    text: /^Cannot find "\/validate": .+\n$/,
  },
  { what: 'a path that only begins so', path: '/injected', body: reviewBody(), status: 404, text: /injected/ },
  {
    what: 'a path that is badly encoded',
    path: '/inject/cluster/%E0%A4',
    body: reviewBody(),
    status: 400,
    text: /not percent-encoded UTF-8/,
  },
  { what: 'a body that is too large', body: Buffer.alloc(limit + 1, ' '), status: 413, text: /larger than 8 MiB/ },
  {
    what: 'a chunked body that is too large',
    body: Array<Buffer>(9).fill(Buffer.alloc(mebibyte, ' ')),
    status: 413,
    text: /larger than 8 MiB/,
  },
];

suite('bad input over HTTPS is refused in one line, and the next good review is answered', () => {
  for (const one of refused) {
    test(`${one.what}: ${one.status}`, async (context) => {
      const { address, ca, recorded } = await startListener(context);
      const agent = agentFor(context, ca);
      const bad = await send(agent, address, one);
      assert.equal(bad.status, one.status, bad.text);
      assert.match(bad.text, one.text);
      assert.equal(bad.text.indexOf('\n'), bad.text.length - 1, 'one line');
      assert.deepEqual(recorded.refused, [one.status]);
      assert.equal(bad.headers['allow'], one.status === 405 ? 'POST' : undefined);
      const good = await send(agent, address, { body: reviewBody() });
      assertInjected(good);
      assert.equal(good.reused, one.status !== 413, 'on the same connection, but after a body that was not read');
      assert.deepEqual(recorded.failed, []);
    });
  }
});

const denied: readonly (readonly [what: string, object: unknown, message: RegExp])[] = [
  ['an object that is no pod', { kind: 'Pod', metadata: 'x', spec: [] }, /metadata: .+; spec: /],
  ['an object without a shape', 'x', /must be an object/],
  ['a container without a name', { kind: 'Pod', ...pod('web', withContainer({} as never)) }, /containers\[1\].+name/],
  ['two containers with one name', { kind: 'Pod', ...pod('web', withContainer({ name: 'app' })) }, /containers\[1\]/],
];

suite('a pod that cannot be read is denied to its author, not failed', () => {
  for (const [what, object, message] of denied) {
    test(what, async (context) => {
      const { address, ca } = await startListener(context);
      const agent = agentFor(context, ca);
      const answered = await send(agent, address, { body: reviewBody(object) });
      assert.equal(answered.status, 200, answered.text);
      const { response } = JSON.parse(answered.text);
      assert.equal(response.allowed, false);
      assert.equal(response.status.code, 422);
      assert.match(response.status.message, message);
      assertInjected(await send(agent, address, { body: reviewBody() }));
    });
  }
});

const accepted: readonly (Sent & { readonly what: string })[] = [
  { what: 'a charset', headers: { 'Content-Type': 'application/json; charset=utf-8' } },
  { what: 'capitals in the content type', headers: { 'Content-Type': 'Application/JSON' } },
  { what: 'exactly 8 MiB', body: reviewBody().padEnd(limit, ' ') },
  { what: 'a chunked body', body: [Buffer.from(reviewBody().slice(0, 50)), Buffer.from(reviewBody().slice(50))] },
  { what: 'no query', path: '/inject' },
  { what: 'parameters in the path', path: '/inject/cluster/c%201/net/n1?timeout=10s' },
  { what: 'an object of another kind', body: reviewBody({ kind: 'Node', metadata: {} }) },
];

suite('what is unusual and right is answered', () => {
  for (const { what, ...sent } of accepted) {
    test(what, async (context) => {
      const { address, ca } = await startListener(context);
      const answered = await send(agentFor(context, ca), address, { body: reviewBody(), ...sent });
      assert.equal(answered.status, 200, answered.text);
      assert.equal(JSON.parse(answered.text).response.allowed, true);
      assert.equal(answered.headers['content-type'], 'application/json');
    });
  }
});

test('the path reaches the decision percent-decoded once', async (context) => {
  const paths: string[] = [];
  const { address, ca } = await startSeeingPaths(context, paths);
  const agent = agentFor(context, ca);
  for (const path of ['/inject/cluster/a%252Fb', '/inject/net/%C3%BC?x=%2F']) {
    await send(agent, address, { path, body: reviewBody() });
  }
  assert.deepEqual(paths, ['/inject/cluster/a%2Fb', '/inject/net/ü']);
});

test('a fault of ours is HTTP 500, so that failurePolicy decides; the answer tells nothing, the record tells all', async (context) => {
  let isBroken = true;
  const { address, ca, recorded } = await startListener(context, {
    admit: () => {
      if (isBroken) throw new Error('secret of the house');
      return { kind: 'skip', reason: 'host-network', trace: [], warnings: [] };
    },
  });
  const agent = agentFor(context, ca);
  const broken = await send(agent, address, { body: reviewBody() });
  assert.equal(broken.status, 500);
  assert.doesNotMatch(broken.text, /secret|Error|at /);
  assert.deepEqual(
    recorded.failed.map((error) => (error as Error).message),
    ['secret of the house'],
  );
  isBroken = false;
  const next = await send(agent, address, { body: reviewBody() });
  assert.equal(next.status, 200);
  assert.equal(next.reused, true);
});

function assertInjected({ status, text }: Received): void {
  assert.equal(status, 200, text);
  const { response } = JSON.parse(text);
  assert.equal(response.uid, 'good');
  assert.equal(response.allowed, true);
  assert.equal(response.patchType, 'JSONPatch');
}

function startSeeingPaths(context: TestContext, paths: string[]) {
  return startListener(context, {
    admit: ({ path }) => {
      paths.push(path);
      return { kind: 'skip', reason: 'host-network', trace: [], warnings: [] };
    },
  });
}
