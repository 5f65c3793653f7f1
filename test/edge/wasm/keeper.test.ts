// What does the keeper of a node's store let go of, and when: by the files themselves, without a registry.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readOptions } from '../../../src/core/cluster/options.ts';
import { ok } from '../../../src/core/model/problem.ts';
import type { ModuleDigest } from '../../../src/core/wasm/digests.ts';
import type { StoreStatus } from '../../../src/core/wasm/extension.ts';
import type { WantedGate } from '../../../src/core/wasm/store/wanted.ts';
import { createAgentTelemetry } from '../../../src/edge/agent-telemetry.ts';
import { createPlainLog } from '../../../src/edge/plain-log.ts';
import { openStore } from '../../../src/edge/store/open-store.ts';
import { readLastUse, writeLastUse } from '../../../src/edge/store/state-file.ts';
import { type StorePaths, storePaths } from '../../../src/edge/store/store-paths.ts';
import { beginModule } from '../../../src/edge/store/write-module.ts';
import { startKeeper, type Wishes } from '../../../src/roles/agent-modules.ts';
import { until } from '../../until.ts';

const soon = { timeoutMs: 30_000, pauseMs: 20 };
const longAgo = Date.now() - 48 * 3_600_000;

async function storeHere(context: TestContext): Promise<StorePaths> {
  const root = mkdtempSync(join(tmpdir(), 'pillion-store-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = storePaths(root);
  assert.ok((await openStore(paths)).ok);
  return paths;
}

async function put(paths: StorePaths, text: string): Promise<ModuleDigest> {
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
  const file = await beginModule(paths, digest);
  assert.ok(file.ok);
  await file.value.write(Buffer.from(text));
  assert.ok((await file.value.commit()).ok);
  return digest;
}

function wishesOf(digests: readonly ModuleDigest[], gates: readonly WantedGate[] = []): Wishes {
  const options = readOptions({ wasm: { enabled: true } });
  assert.ok(options.ok);
  // wanted from nowhere, so that nothing is fetched
  const modules = digests.map((digest) => [digest, { digest, sizeBytes: undefined, sources: ok([]) }] as const);
  return { wasm: options.value.wasm, wanted: { modules: new Map(modules), gates } };
}

interface Kept {
  readonly told: readonly StoreStatus[];
  readonly rounds: () => number;
  readonly wake: () => void;
}

/** Keeps the store until the test is over. */
function keep(context: TestContext, paths: StorePaths, wishes: () => Wishes | undefined): Kept {
  const closing = new AbortController();
  const told: StoreStatus[] = [];
  let rounds = 0;
  const keeper = startKeeper(
    {
      paths,
      kube: { get: () => assert.fail('there is no pull secret') },
      agentVersion: '1',
      telemetry: createAgentTelemetry(createPlainLog('error', { write: () => true })),
      wishes,
      tell: (status) => void told.push(status),
      usable: (reason) => {
        assert.equal(reason, undefined);
        rounds += 1;
      },
      times: { lookMs: 60_000, rehashMs: 3_600_000, mostWaitMs: 1_000 },
    },
    closing.signal,
  );
  context.after(async () => {
    closing.abort();
    await keeper.ended;
  });
  return { told, rounds: () => rounds, wake: keeper.wake };
}

test('what is wanted stays however long ago that is said to be, and what nobody wants goes after a day', async (context) => {
  const paths = await storeHere(context);
  const [wanted, recent, old] = [await put(paths, 'wanted'), await put(paths, 'recent'), await put(paths, 'old')];
  const lastHour = Date.now() - 3_600_000;
  await writeLastUse(
    paths,
    new Map([
      [wanted, longAgo],
      [recent, lastHour],
      [old, longAgo],
    ]),
  );
  const { told } = keep(context, paths, () => wishesOf([wanted]));
  await until('it goes', async () => !existsSync(paths.module(old)), soon);
  await until('it is told', async () => told.length > 0, soon);
  assert.ok(existsSync(paths.module(wanted)) && existsSync(paths.module(recent)));
  const remembered = await readLastUse(paths);
  assert.deepEqual([...remembered.keys()].sort(), [wanted, recent].sort());
  assert.equal(remembered.get(recent), lastHour, 'a look is no use');
  assert.ok((remembered.get(wanted) ?? 0) > lastHour);
  assert.equal(told.at(-1)?.usedBytes, 'wanted'.length + 'recent'.length, 'what has gone is not told any more');
});

test('nothing goes before it is known what is wanted', async (context) => {
  const paths = await storeHere(context);
  const old = await put(paths, 'old');
  await writeLastUse(paths, new Map([[old, longAgo]]));
  let wishes: Wishes | undefined;
  const { rounds, wake, told } = keep(context, paths, () => wishes);
  await until('it has looked', async () => rounds() > 0, soon);
  assert.ok(existsSync(paths.module(old)));
  assert.deepEqual(told, []);
  wishes = wishesOf([]);
  wake();
  await until('it goes', async () => !existsSync(paths.module(old)), soon);
});

test('the gate of a module that is not there is closed, and that of one that is there is open', async (context) => {
  const paths = await storeHere(context);
  const there = await put(paths, 'there');
  const lacking = `sha256:${'0'.repeat(64)}` as const;
  const gate = { namespace: 'shop', uid: '' };
  const gates = [
    { ...gate, name: 'a', digest: lacking },
    { ...gate, name: 'b', digest: there },
  ];
  const { told } = keep(context, paths, () => wishesOf([there, lacking], gates));
  await until('it is told', async () => told.length > 0, soon);
  assert.ok(lstatSync(paths.gate('shop', 'a', '')).isDirectory());
  assert.equal(lstatSync(paths.gate('shop', 'b', '')).ino, lstatSync(paths.module(there)).ino);
});
