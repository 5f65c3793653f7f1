// Answers: does the controller count and log what it does, in series that the table has, and say a lasting state once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createControlTelemetry } from '../../src/edge/control-telemetry.ts';
import { KubeError } from '../../src/edge/kube/kube-error.ts';
import { createLog } from '../../src/edge/log.ts';
import { rowsOf } from '../../src/edge/metrics.ts';

function record() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line: string) => void lines.push(JSON.parse(line)) });
  const telemetry = createControlTelemetry(log, '1.2.3');
  const samples = async (): Promise<ReadonlyMap<string, number>> => {
    const { text } = await telemetry.print();
    const found = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      found.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    );
  };
  return { telemetry, lines, samples };
}

test('every counter is there from the start, and nothing of an admission', async () => {
  const { samples } = record();
  const names = [...(await samples()).keys()];
  for (const { name, type, labels } of rowsOf('control')) {
    if (type !== 'counter') continue;
    const series = Object.entries(labels).flatMap(([label, values]) =>
      values.map((value) => `${name}{${label}="${value}"}`),
    );
    for (const one of series.length === 0 ? [name] : series) assert.ok(names.includes(one), one);
  }
  assert.deepEqual(
    names.filter((name) => /admission|settings|pillion_certificate_not_after/.test(name)),
    [],
  );
});

test('what expires is told only by the process that leads', async () => {
  const { telemetry, samples } = record();
  const name = 'pillion_secret_certificate_not_after_timestamp_seconds';
  telemetry.certificates({ leaf: new Date(1_000_000), authority: new Date(2_000_000) });
  assert.equal((await samples()).get(`${name}{certificate="leaf"}`), 1_000);
  assert.equal((await samples()).get(`${name}{certificate="authority"}`), 2_000);
  telemetry.certificates(undefined);
  assert.deepEqual(
    [...(await samples()).keys()].filter((one) => one.startsWith(name)),
    [],
  );
});

test('creating an object is no correction, and a correction says what was wrong', async () => {
  const { telemetry, samples, lines } = record();
  telemetry.written('registration', undefined);
  telemetry.written('registration', 'webhooks[0].failurePolicy is Ignore, not Fail');
  assert.equal((await samples()).get('pillion_corrections_total{object="registration"}'), 1);
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['object created', 'object put right'],
  );
  assert.match(String(lines[1]?.['wrong']), /failurePolicy/);
});

test('what the API server refuses is a warning with its code, what we do wrong is a defect', async () => {
  const { telemetry, samples, lines } = record();
  telemetry.roundFailed(new KubeError('forbidden', 'no'), 100);
  telemetry.roundFailed(new Error('ours'), 100);
  const found = await samples();
  assert.equal(found.get('pillion_control_failures_total{code="forbidden"}'), 1);
  assert.equal(found.get('pillion_control_failures_total{code="defect"}'), 1);
  assert.equal(found.get('pillion_defects_total'), 1);
  assert.deepEqual(
    lines.map(({ level }) => level),
    ['warn', 'error'],
  );
});

test('what is left undone is said once for as long as it stays the same', () => {
  const { telemetry, lines } = record();
  for (const reasons of [['a'], ['a'], ['a', 'b'], [], [], ['a']]) telemetry.waits(reasons);
  assert.deepEqual(
    lines.map(({ waitsFor }) => waitsFor),
    [['a'], ['a', 'b'], ['a']],
  );
});
