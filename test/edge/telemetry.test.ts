// Answers: do metrics and log say what the verdict says, and nothing that a user made up.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { admit } from '../../src/core/admit.ts';
import type { NativeReason, Verdict } from '../../src/core/model/verdict.ts';
import { nativeReasons, reasons } from '../../src/core/model/verdict.ts';
import { createLog } from '../../src/edge/log.ts';
import { metricTable, rowsOf } from '../../src/edge/metrics.ts';
import { createTelemetry, type Telemetry } from '../../src/edge/telemetry.ts';
import { facts, pod, review, withAnnotations, withLabels } from '../builders.ts';

interface Recorder {
  readonly telemetry: Telemetry;
  readonly lines: Record<string, unknown>[];
}

function record(level = 'info'): Recorder {
  const lines: Record<string, unknown>[] = [];
  const write = (text: string): void =>
    void lines.push(
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    );
  const output = { write };
  return { telemetry: createTelemetry(createLog(level, output), output, '1.2.3'), lines };
}

/** The samples by their whole name: `name{label="value"}`. */
async function samples({ telemetry }: Recorder): Promise<ReadonlyMap<string, number>> {
  const { text } = await telemetry.print();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

const injected = admit(review({ kind: 'Pod', ...pod('web') }), facts({ native: 'true' }));
const common = { trace: [], warnings: [] };

function verdictOf(reason: keyof typeof reasons, native: boolean, nativeReason: NativeReason): Verdict {
  const verdict = { ...injected, kind: reasons[reason].kind, reason, problems: [] } as unknown as Verdict;
  return verdict.kind === 'inject' ? { ...verdict, native: { native, reason: nativeReason, detail: '' } } : verdict;
}

suite('an admission counts under the decision, reason and kind of sidecar of its verdict, and under no other', () => {
  for (const reason of Object.keys(reasons) as (keyof typeof reasons)[]) {
    for (const native of reasons[reason].kind === 'inject' ? [true, false] : [true]) {
      test(`${reason}${reasons[reason].kind === 'inject' ? `, native ${native}` : ''}`, async () => {
        const recorder = record();
        recorder.telemetry.decided(review({}), verdictOf(reason, native, 'forced'), 0.0007);
        const found = await samples(recorder);
        const counted = [...found].filter(([name, value]) => /^pillion_(admissions|native)/.test(name) && value !== 0);
        const decision = reasons[reason].kind;
        const sidecar = decision === 'inject' ? String(native) : 'none';
        assert.deepEqual(counted, [
          [`pillion_admissions_total{decision="${decision}",reason="${reason}",native="${sidecar}"}`, 1],
          ...(decision === 'inject' ? [[`pillion_native_decisions_total{native="${native}",reason="forced"}`, 1]] : []),
        ]);
        const bucket = (le: string) =>
          found.get(`pillion_admission_duration_seconds_bucket{le="${le}",decision="${decision}"}`);
        assert.deepEqual([bucket('0.00005'), bucket('0.0005'), bucket('0.001'), bucket('+Inf')], [0, 0, 1, 1]);
        assert.equal(found.get(`pillion_admission_duration_seconds_sum{decision="${decision}"}`), 0.0007);
      });
    }
  }
});

test('every series is there from the start, at 0, and all its names and labels are in the table', async () => {
  const found = await samples(record());
  const kinds = Object.values(reasons).map(({ kind }) => kind);
  const injections = kinds.filter((kind) => kind === 'inject').length;
  const names = [...found.keys()];
  const named = (prefix: string) => names.filter((name) => name.startsWith(prefix)).length;
  assert.equal(named('pillion_admissions_total'), kinds.length + injections);
  assert.equal(named('pillion_native_decisions_total'), 2 * Object.keys(nativeReasons).length);
  assert.equal(named('pillion_http_errors_total'), metricTable.httpErrors.labels.status.length);
  const rows = new Map<string, { readonly labels: Readonly<Record<string, readonly string[]>> }>(
    rowsOf('serve').map((row) => [row.name, row]),
  );
  for (const name of names) {
    const [, base = '', labels = ''] = /^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})?$/.exec(name) ?? [];
    const row = rows.get(base);
    assert.ok(row !== undefined, `${name} is in the table`);
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      const isOpen = base === 'pillion_build_info' || label === 'le';
      assert.ok(isOpen || row.labels[label]?.includes(value), `${label}="${value}" of ${name} is in the table`);
    }
  }
  assert.deepEqual(
    [...rows.keys()].filter((name) => !names.some((one) => one.startsWith(name))),
    [],
  );
});

test('errors, defects, handshakes, certificate and build are counted', async () => {
  const recorder = record('silent');
  const { telemetry } = recorder;
  telemetry.refused(413, 'x');
  telemetry.failed(new Error('x'));
  telemetry.handshakeFailed(new Error('x'));
  telemetry.certificateInUse({ notAfter: new Date(1_800_000_000_000), fingerprint: 'AB' });
  const found = await samples(recorder);
  assert.equal(found.get('pillion_http_errors_total{status="413"}'), 1);
  assert.equal(found.get('pillion_http_errors_total{status="500"}'), 1);
  assert.equal(found.get('pillion_http_errors_total{status="400"}'), 0);
  assert.equal(found.get('pillion_defects_total'), 1);
  assert.equal(found.get('pillion_tls_handshake_failures_total'), 1);
  assert.equal(found.get('pillion_certificate_not_after_timestamp_seconds'), 1_800_000_000);
  assert.equal(found.get(`pillion_build_info{version="1.2.3",node="${process.versions.node}"}`), 1);
  assert.ok((found.get('process_cpu_seconds_total') ?? 0) > 0);
  assert.ok((found.get('process_resident_memory_bytes') ?? 0) > 1e6);
});

test('a rejected certificate and stale settings show until good ones are in use', async () => {
  const recorder = record('silent');
  const { telemetry } = recorder;
  const stale = async () => (await samples(recorder)).get('pillion_settings_stale_seconds') ?? -1;
  const rejected = async () => (await samples(recorder)).get('pillion_certificate_rejected');
  telemetry.settingsInUse();
  assert.equal(await stale(), 0);
  telemetry.settingsRejected(['x']);
  telemetry.certificateRejected('x');
  while ((await stale()) === 0); // a clock of milliseconds has to move on
  assert.equal(await rejected(), 1);
  telemetry.settingsInUse();
  telemetry.certificateInUse({ notAfter: new Date(), fingerprint: '' });
  assert.equal(await stale(), 0);
  assert.equal(await rejected(), 0);
  const loaded = (await samples(recorder)).get('pillion_settings_loaded_timestamp_seconds') ?? 0;
  assert.ok(Math.abs(loaded - Date.now() / 1000) < 60);
});

test('an injection is one line with what was decided and why', async () => {
  const { telemetry, lines } = record();
  telemetry.decided(review({ kind: 'Pod', metadata: { generateName: 'web-' } }, { uid: 'u' }), injected, 0.000_123_4);
  await nextTurn();
  const { time, ...line } = lines[0] ?? {};
  assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(line, {
    level: 'info',
    uid: 'u',
    namespace: 'default',
    generateName: 'web-',
    decision: 'inject',
    reason: 'policy-enabled',
    native: true,
    nativeReason: 'forced',
    templates: ['sidecar'],
    milliseconds: 0.123,
    dryRun: false,
    msg: 'admission',
  });
  assert.equal(lines.length, 1);
});

test('a skipped pod is one line without what was not decided', async () => {
  const { telemetry, lines } = record();
  const object = pod('web', withLabels({ 'sidecar.istio.io/inject': 'false' }));
  const one = review({ kind: 'Pod', ...object }, { uid: 'u', dryRun: true, namespace: 'shop' });
  telemetry.decided(one, admit(one, facts()), 0.5);
  await nextTurn();
  const { time: _time, ...line } = lines[0] ?? {};
  assert.deepEqual(line, {
    level: 'info',
    uid: 'u',
    namespace: 'shop',
    name: 'web',
    decision: 'skip',
    reason: 'pod-opted-out',
    milliseconds: 500,
    dryRun: true,
    msg: 'admission',
  });
});

test('a denied pod is one line with the places of its problems, without what the user wrote there', async () => {
  const { telemetry, lines } = record();
  const one = review({ kind: 'Pod', ...pod('web', withAnnotations({ 'sidecar.istio.io/proxyCPU': 'hunter2' })) });
  telemetry.decided(one, admit(one, facts()), 0.001);
  await nextTurn();
  const [line] = lines;
  assert.equal(line?.['decision'], 'deny');
  assert.equal(line?.['reason'], 'invalid-annotation');
  assert.deepEqual(line?.['problems'], ['metadata.annotations["sidecar.istio.io/proxyCPU"]']);
  assert.ok(!JSON.stringify(line).includes('hunter2'));
});

test('an object without a shape is logged as well', async () => {
  const { telemetry, lines } = record();
  for (const object of ['x', 1, [], { metadata: 'x' }, { metadata: { name: 1 } }]) {
    telemetry.decided(review(object), { kind: 'deny', reason: 'invalid-pod', problems: [], ...common }, 0);
  }
  await nextTurn();
  assert.equal(lines.length, 5);
  assert.ok(lines.every((line) => !('name' in line)));
});

test('a defect is logged with its stack, and the level decides what is logged at all', () => {
  const { telemetry, lines } = record('error');
  telemetry.decided(review({}), injected, 0);
  telemetry.refused(400, 'x');
  telemetry.failed(new Error('broken here'));
  assert.equal(lines.length, 1);
  const error = lines[0]?.['err'] as { message: string; stack: string };
  assert.equal(error.message, 'broken here');
  assert.match(error.stack, /telemetry\.test\.ts/);
});

test('Events that were not sent are counted by why, from zero on', async () => {
  const recorder = record();
  recorder.telemetry.eventDropped('rate');
  recorder.telemetry.eventDropped('rate');
  const seen = await samples(recorder);
  assert.equal(seen.get('pillion_events_dropped_total{reason="rate"}'), 2);
  assert.equal(seen.get('pillion_events_dropped_total{reason="failed"}'), 0);
});
