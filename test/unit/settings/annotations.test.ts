import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAnnotations, unreadAnnotations, unreadWarning } from '../../../src/core/settings/annotations.ts';
import { annotations as catalogue } from '../../../src/core/settings/catalogue.ts';

/** Per annotation: texts that are taken, and texts that are refused. */
const rows: Partial<Record<keyof typeof catalogue, [taken: string[], refused: string[]]>> = {
  interceptionMode: [
    ['REDIRECT', 'TPROXY', 'NONE'],
    ['', 'redirect', 'tproxy'],
  ],
  statusPort: [
    ['0', '15020', ' 15020 ', '65535'],
    ['', '65536', '-1', '80x', '+80', '1e3'],
  ],
  readinessInitialDelaySeconds: [
    ['0', '10', '2147483647', '010'],
    ['', '-1', ' 1', '2147483648', '1.5'],
  ],
  includeOutboundIPRanges: [
    ['', '*', '10.0.0.0/8', '10.0.0.1/8,fd00::/8', '::/0'],
    ['10.0.0.0', '10.0.0.0/8, fd00::/8', '1.2.3.4/33', '1.2.3.4/08', '01.2.3.4/8', 'fe80::1%eth0/64', '*,10.0.0.0/8'],
  ],
  excludeOutboundIPRanges: [['', '10.0.0.0/8'], ['*']],
  includeInboundPorts: [
    ['', '*', '80', '80, 90', ' 80 '],
    ['80,', '65536', 'http'],
  ],
  excludeInboundPorts: [
    ['', '80,15020'],
    ['*', 'x'],
  ],
  excludeOutboundPorts: [
    ['', '80'],
    ['*', '80;90'],
  ],
  includeOutboundPorts: [['bad', '80'], []],
  excludeInterfaces: [
    ['', 'eth0', 'eth0, net1', 'a.b-c_d'],
    ['9x', 'averyveryverylong', 'eth0,', 'e th'],
  ],
  mergeMetrics: [
    ['true', 'F', '1'],
    ['', 'yes', 'tRuE'],
  ],
  proxyCpu: [
    ['100m', '1'],
    ['', 'lots', '1\n'],
  ],
  userVolume: [
    ['{}', '{"v":{"emptyDir":{}}}', '[{"emptyDir":{}}]'],
    ['', 'v', '1', '{"v":1}', 'null'],
  ],
  overrides: [
    ['{}', 'null', '{"containers":[{"name":"a"}]}'],
    ['', '[]', '{"containers":[{}]}', '{"containers":{}}'],
  ],
  status: [['', 'nonsense', '{"containers":[1]}', '{"containers":null}'], []],
  proxyConfig: [
    ['', '{}', 'concurrency: 2', '{"drain_duration":"50s"}'],
    ['bad: [', 'concurrency: many', 'statusPort: 0', 'proxyMetadata: {A: 1}', 'drainDuration: 1ms'],
  ],
};

test('annotations: what each of them takes and refuses', () => {
  for (const [name, [taken, refused]] of Object.entries(rows)) {
    const { key } = catalogue[name as keyof typeof catalogue];
    for (const text of taken)
      assert.deepEqual(readAnnotations({ [key]: text }).problems, [], `${key}: ${JSON.stringify(text)}`);
    for (const text of refused) {
      const [problem] = readAnnotations({ [key]: text }).problems;
      assert.equal(problem?.path, `metadata.annotations["${key}"]`, `${key}: ${JSON.stringify(text)}`);
      assert.equal(problem.value, text);
      assert.match(problem.expected, /^must /);
    }
  }
});

test('annotations: every problem is named, not only the first', () => {
  const { problems } = readAnnotations({ 'sidecar.istio.io/proxyCPU': 'x', 'status.sidecar.istio.io/port': 'y' });
  assert.equal(problems.length, 2);
});

test('annotations: a status that is not ours is there, but cannot be read', () => {
  const { status } = readAnnotations({ 'sidecar.istio.io/status': '{"containers":[1]}' }).annotations;
  assert.deepEqual(status, { readable: false, containers: [], initContainers: [] });
});

test('annotations: a misspelt one is named with the one that was meant', () => {
  const unread = unreadAnnotations({
    'sidecar.istio.io/native-side': 'true',
    'sidecar.istio.io/proxyCpu': '1',
    'istio.io/zzzzzzzzzzzzzzzz': '',
  });
  assert.deepEqual(
    unread.map(({ nearest }) => nearest),
    ['sidecar.istio.io/nativeSidecar', 'sidecar.istio.io/proxyCPU', undefined],
  );
  assert.match(
    unreadWarning(unread[0] as (typeof unread)[number]),
    /native-side.*did you mean sidecar\.istio\.io\/nativeSidecar/,
  );
});

test('annotations: those of others, and those that the agent reads, are no business of ours', () => {
  const others = [
    'example.com/x',
    'plain',
    'notistio.io/x',
    'sidecar.istio.io/statsCompression',
    'istio.io/rev',
    'prometheus.istio.io/scrape-targets',
  ];
  assert.deepEqual(unreadAnnotations(Object.fromEntries(others.map((key) => [key, '']))), []);
});
