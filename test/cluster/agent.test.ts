// Does the node agent, as its image runs it, keep what a node should have, whatever happens to it, its disk and the
// registry.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { resources } from '../../src/core/cluster/resources.ts';
import { isObject, parseJson } from '../../src/core/model/json.ts';
import type { Revision } from '../../src/core/wasm/extension.ts';
import { agentName, nodeNamespace } from '../../src/core/wasm/names.ts';
import type { StorePaths } from '../../src/edge/store/store-paths.ts';
import { until } from '../until.ts';
import { skipWithoutRegistry } from '../wasm/distribution.ts';
import { type AgentProcess, type AgentWorld, incompressible, startAgentWorld } from './agent-world.ts';
import { assets } from './assets.ts';

const mebibyte = 1024 * 1024;
const notLinux = process.platform !== 'linux' && 'Cannot tell the resident memory: there is no /proc';
const mostMegabytes = 60;
const soon = { timeoutMs: 60_000, pauseMs: 20 };
/** It looks at all files every 30 s; what it puts right sooner, it was told of. */
const beforeItLooks = { timeoutMs: 20_000, pauseMs: 20 };

suite('the node agent', { skip: assets.skip || skipWithoutRegistry }, () => {
  let world: AgentWorld;
  const ends: (() => unknown)[] = [];
  before(async () => {
    world = await startAgentWorld({ after: (end) => void ends.push(end as () => unknown) });
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  /** How often the layer of the module was asked for, and how often it got through whole. */
  const gets = ({ layerDigest }: Revision) => {
    const ofLayer = world.proxy.asked.filter(({ line }) => line.startsWith('GET ') && line.endsWith(`${layerDigest}`));
    return { asked: ofLayer.length, whole: ofLayer.filter(({ isWhole }) => isWhole).length };
  };
  const declared = async (context: TestContext, name: string, ...revisions: readonly Revision[]) => {
    const [active, candidate, previous] = revisions;
    await world.declare(name, {
      ...(active && { active }),
      ...(candidate && { candidate }),
      ...(previous && { previous }),
    });
    context.after(() => world.remove(name));
  };

  test('fetches what runs, is to run and has run, each once, and opens the gate of what runs', async (context) => {
    const [active, candidate, previous] = [await pushed(), await pushed(), await pushed()];
    await declared(context, 'three', active, candidate, previous);
    const agent = await world.startAgent(context);
    for (const { moduleDigest, sizeBytes } of [active, candidate, previous]) {
      assert.equal((await agent.untilState(moduleDigest, 'Ready')).sizeBytes, sizeBytes);
    }
    const once = Array(3).fill({ asked: 1, whole: 1 });
    // the proxy counts a little after the agent has it
    const isOnce = async () => isDeepStrictEqual([active, candidate, previous].map(gets), once);
    await until('each was got once', isOnce, soon);
    const gate = await gateOf(agent, 'three');
    await until('its gate is open', async () => isFile(gate), soon);
    assert.equal(hashOf(gate), active.moduleDigest);

    await world.declare('three', { active: candidate, previous: active });
    await until('the gate is of the new one', async () => hashOf(gate) === candidate.moduleDigest, soon);
    await world.remove('three');
    await until('the gate holds no space', async () => lstatSync(gate).size === 0, soon);
    assert.ok(isFile(gate), 'pods that name it still start');
    assert.equal(readdirSync(agent.paths.byDigest).length, 3, 'the modules stay for a day');
    assert.equal(await agent.stop(), 0);
  });

  test('leaves the gate of an extension that is gone, and has one that is made anew wait for its own', async (context) => {
    const active = await pushed();
    await declared(context, 'anew', active);
    const agent = await world.startAgent(context);
    await agent.untilState(active.moduleDigest, 'Ready');
    const before = await gateOf(agent, 'anew');
    await until('its gate is open', async () => isFile(before), soon);
    await world.remove('anew');
    await world.declare('anew', {}, { source: { image: active.reference } });
    const anew = await gateOf(agent, 'anew');
    assert.notEqual(anew, before);
    await until('its gate is closed', async () => existsSync(anew), soon);
    assert.ok(!isFile(anew));
    assert.deepEqual([isFile(before), lstatSync(before).size], [true, 0]);
    await world.declare('anew', { active });
    await until('its gate is open', async () => isFile(anew), soon);
    assert.equal(hashOf(anew), active.moduleDigest);
  });

  test('touches no gate before it knows what is wanted, and catches up with what was removed meanwhile', async (context) => {
    const active = await pushed();
    await declared(context, 'unknown', active);
    const first = await world.startAgent(context);
    await first.untilState(active.moduleDigest, 'Ready');
    const gate = await gateOf(first, 'unknown');
    await until('its gate is open', async () => isFile(gate), soon);
    await first.stop();
    await world.remove('unknown');
    await world.plane.kube.remove(resources.configMaps, agentName, nodeNamespace);
    const second = await world.startAgent(context, { store: first.paths.root });
    for (const _ of ['one round', 'another']) await untilItSees(second);
    assert.ok(sameFile(gate, first.paths.module(active.moduleDigest)), 'without options nothing is known');
    await world.setOptions({});
    await until('the gate holds no space', async () => lstatSync(gate).size === 0, soon);
    await second.stop(); // before the directory goes
  });

  test('is as it was after a restart, without a question to the registry', async (context) => {
    const active = await pushed();
    await declared(context, 'again', active);
    const first = await world.startAgent(context);
    await first.untilState(active.moduleDigest, 'Ready');
    await first.stop('SIGKILL');
    const before = world.proxy.asked.length;
    const second = await world.startAgent(context, { store: first.paths.root, node: 'other' });
    await second.untilState(active.moduleDigest, 'Ready');
    assert.equal(world.proxy.asked.length, before);
    await second.stop(); // before the directory goes
  });

  test('killed 50 times at random points of a download, it never shows a part, and fetches nothing whole twice', async (context) => {
    const lanes = 5;
    const [small, large] = [await pushed(10_000), await pushed(2 * mebibyte)];
    await declared(context, 'small', small);
    await declared(context, 'large', large);
    let kills = 0;
    let downloading = 0;
    const lane = async (at: number): Promise<void> => {
      const store = newDirectory(context);
      const first = await world.startAgent(context, { store, node: `killed-${at}` });
      await first.untilState(small.moduleDigest, 'Ready');
      await first.stop('SIGKILL');
      for (let kill = 0; kill < 50 / lanes; kill += 1) {
        rmSync(first.paths.module(large.moduleDigest), { force: true }); // so that there is something to kill it at
        const before = new Set(readdirSync(first.paths.tmp));
        const agent = await world.startAgent(context, { store, node: `killed-${at}` });
        const isWriting = () => readdirSync(agent.paths.tmp).some((name) => !before.has(name));
        await until('the download begins', async () => isWriting(), soon);
        await wait(Math.random() * 250);
        downloading += isWriting() ? 1 : 0;
        await agent.stop('SIGKILL');
        kills += 1;
        assertWhole(agent.paths);
      }
      const last = await world.startAgent(context, { store, node: `killed-${at}` });
      await last.untilState(large.moduleDigest, 'Ready');
      assertWhole(last.paths);
      await until('nothing is left of what was begun', async () => readdirSync(last.paths.tmp).length === 0, soon);
      await last.stop();
    };
    world.proxy.throttle({ pieceBytes: 64 * 1024, pauseMs: 5 });
    context.after(() => world.proxy.throttle(undefined));
    await Promise.all(Array.from({ length: lanes }, (_, at) => lane(at)));
    assert.equal(kills, 50);
    assert.ok(downloading > 10, `only ${downloading} were killed while they wrote`);
    // each had it as a whole before it was killed first
    assert.equal(gets(small).asked, lanes);
  });

  test('ends at once when it is asked to, also in the middle of a download', async (context) => {
    const active = await pushed(mebibyte);
    await declared(context, 'slow', active);
    world.proxy.throttle({ pieceBytes: 1024, pauseMs: 50 });
    context.after(() => world.proxy.throttle(undefined));
    const agent = await world.startAgent(context);
    await until('the download begins', async () => gets(active).asked > 0, soon);
    const began = performance.now();
    assert.equal(await agent.stop(), 0);
    assert.ok(performance.now() - began < 20_000, 'what is left of the download would take 50 s');
  });

  test('says that the disk is full, leaves nothing on it, and goes on by itself once there is room', async (context) => {
    const store = mkdtempSync(join(tmpdir(), 'pillion-store-'));
    const mount = mountSmall(context, store);
    if (mount === undefined) return context.skip('Cannot mount a tmpfs here; run the tests as root with CAP_SYS_ADMIN');
    const [active, other] = [await pushed(6 * mebibyte), await pushed(6 * mebibyte)];
    await declared(context, 'full', active);
    // says that it is small, so that the disk is full only in the middle of it
    await declared(context, 'fuller', { ...other, sizeBytes: 1 });
    const agent = await world.startAgent(context, { store, flags: ['--most-wait', '1s'] });
    for (const { moduleDigest } of [active, other]) {
      const { reason, attempts = 0 } = await agent.untilState(moduleDigest, 'Failed');
      assert.equal(reason, 'DiskFull');
      assert.ok(attempts > 0);
    }
    assert.deepEqual(readdirSync(agent.paths.byDigest), []);
    mount.remount('size=64m');
    for (const { moduleDigest } of [active, other]) await agent.untilState(moduleDigest, 'Ready');
    assertWhole(agent.paths);
  });

  test('reports what is there and what is not, also where nothing can be written any more', async (context) => {
    const store = mkdtempSync(join(tmpdir(), 'pillion-store-'));
    const mount = mountSmall(context, store);
    if (mount === undefined) return context.skip('Cannot mount a tmpfs here; run the tests as root with CAP_SYS_ADMIN');
    mount.remount('size=64m');
    const [there, late] = [await pushed(), await pushed()];
    await declared(context, 'there', there);
    const agent = await world.startAgent(context, { store, flags: ['--most-wait', '1s'] });
    await agent.untilState(there.moduleDigest, 'Ready');
    const gate = await gateOf(agent, 'there');
    await until('its gate is open', async () => isFile(gate), soon);
    mount.remount('ro');
    await declared(context, 'late', late);
    const { reason, message } = await agent.untilState(late.moduleDigest, 'Failed');
    assert.equal(reason, 'StoreBroken');
    assert.match(message ?? '', /the file system is read-only$/);
    await agent.untilState(there.moduleDigest, 'Ready');
    assert.ok(isFile(gate));
    mount.remount('rw');
    await agent.untilState(late.moduleDigest, 'Ready');
  });

  test('says that the registry is away, asks again and again, and goes on by itself once it is back', async (context) => {
    const active = await pushed();
    const back = world.proxy.refuse();
    await declared(context, 'away', active);
    const agent = await world.startAgent(context, { flags: ['--most-wait', '500ms'] });
    const often = async () => (await agent.report())?.modules.find(({ attempts = 0 }) => attempts > 1);
    const { reason, nextRetryTime = '' } = await until('it has asked twice', often, soon);
    assert.equal(reason, 'RegistryUnreachable');
    assert.ok(!Number.isNaN(Date.parse(nextRetryTime)));
    back();
    const { reason: none, attempts } = await agent.untilState(active.moduleDigest, 'Ready');
    assert.deepEqual([none, attempts], [undefined, undefined]);
  });

  const harms: Readonly<Record<string, (path: string) => void>> = {
    'is removed': (path) => unlinkSync(path),
    'is altered': (path) => {
      chmodSync(path, 0o644);
      writeFileSync(path, 'something else');
    },
    'becomes a link': (path) => {
      unlinkSync(path);
      symlinkSync('/etc/passwd', path);
    },
    'is hidden from proxies': (path) => chmodSync(path, 0o600),
  };
  test('puts a file right that somebody touched', async (context) => {
    const active = await pushed();
    await declared(context, 'touched', active);
    const agent = await world.startAgent(context);
    await agent.untilState(active.moduleDigest, 'Ready');
    const path = agent.paths.module(active.moduleDigest);
    const gate = await gateOf(agent, 'touched');
    await untilItSees(agent);
    for (const [what, harm] of Object.entries(harms)) {
      harm(path);
      const isRight = async () => lstatSync(path).isFile() && (lstatSync(path).mode & 0o777) === 0o444 && isWhole(path);
      await until(`the file that ${what} is right again`, isRight, beforeItLooks);
    }
    await until('the gate is of the new file', async () => isFile(gate) && sameFile(path, gate), soon);
    assert.match(await agent.metrics(), /pillion_agent_healed_total\{fault="altered"\} 1\n/);
  });

  test('asks for signatures again, and follows the options without a restart', async (context) => {
    const active = await pushed();
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = publicKey.export({ format: 'pem', type: 'spki' });
    await world.setOptions({ signatures: 'enforce', keys: [{ name: 'release', pem }] });
    context.after(() => world.setOptions({}));
    await declared(context, 'signed', active);
    const agent = await world.startAgent(context);
    assert.equal((await agent.untilState(active.moduleDigest, 'Failed')).reason, 'SignatureMissing');
    assert.equal(gets(active).asked, 0);
    await world.setOptions({});
    await agent.untilState(active.moduleDigest, 'Ready');
    await world.setOptions({ deniedDigests: [active.moduleDigest] });
    assert.equal((await agent.untilState(active.moduleDigest, 'Failed')).reason, 'DigestDenied');
    const gate = await gateOf(agent, 'signed');
    await until('its gate is closed', async () => existsSync(gate) && !isFile(gate), soon);
  });

  test('fetches modules of the options without any extension', async (context) => {
    const { pinned: source, moduleDigest } = await pushed();
    await world.setOptions({ modules: [{ source, sha256: moduleDigest }] });
    context.after(() => world.setOptions({}));
    const agent = await world.startAgent(context);
    await agent.untilState(moduleDigest, 'Ready');
  });

  test('says that it may not read a pull secret', async (context) => {
    const active = await pushed();
    await world.declare('private', { active }, { pullSecret: 'regcred' });
    context.after(() => world.remove('private'));
    const agent = await world.startAgent(context);
    const { reason, message = '' } = await agent.untilState(active.moduleDigest, 'Failed');
    assert.equal(reason, 'PullSecretUnreadable');
    assert.ok(message.length <= 256);
  });

  test('takes at most 60 MB at any moment, while it starts, fetches 16 MiB, heals it and is asked how it is', {
    skip: notLinux,
  }, async (context) => {
    const large = await pushed(16 * mebibyte - 1024);
    await declared(context, 'large', large);
    const agent = await world.startAgent(context);
    const state = () => `${agent.mostResidentMegabytes().toFixed(1)} MB`;
    await agent.untilState(large.moduleDigest, 'Ready');
    context.diagnostic(`at most, with the fetch: ${state()}`);
    const path = agent.paths.module(large.moduleDigest);
    const gate = await gateOf(agent, 'large');
    for (let times = 0; times < 2; times += 1) {
      await until('its gate is open', async () => isFile(gate) && isFile(path) && sameFile(gate, path), soon);
      chmodSync(path, 0o644);
      writeFileSync(path, 'something else');
      const asked = gets(large).asked;
      await until('it is fetched again', async () => gets(large).asked > asked, { timeoutMs: 40_000, pauseMs: 20 });
      await until('it is whole again', async () => isFile(path) && isWhole(path), soon);
      await agent.metrics();
    }
    context.diagnostic(`at most, with two healings: ${state()}`);
    assert.ok(agent.mostResidentMegabytes() <= mostMegabytes, state());
  });

  test('says of which node its report is, also after the node was registered anew under its name', async (context) => {
    const { kube } = world.plane;
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'anew' } };
    const uidOf = async () => (await kube.create(node)).metadata.uid;
    const first = await uidOf();
    context.after(() => kube.remove(resources.nodes, 'anew'));
    const before = await world.startAgent(context, { node: 'anew' });
    await until('it tells of the node', async () => (await before.report())?.nodeUID === first, soon);
    await before.stop();
    await kube.remove(resources.nodes, 'anew');
    const second = await uidOf();
    assert.equal((await before.report())?.nodeUID, first, 'nobody has reported from the new one');
    const after = await world.startAgent(context, { node: 'anew' });
    await until('it tells of the new node', async () => (await after.report())?.nodeUID === second, soon);
  });

  test('was refused nothing in all of this but a secret that nobody lets it read', () => {
    const entries = readFileSync(world.plane.auditLog, 'utf8').split('\n').map(parseJson).filter(isObject);
    const refused = entries.filter(({ user, responseStatus }) => {
      const { username } = user as { username: string };
      const isAgent = username === 'system:serviceaccount:pillion-node:pillion-agent';
      return isAgent && isObject(responseStatus) && responseStatus['code'] === 403;
    });
    const asked = new Set(refused.map(({ requestURI }) => requestURI));
    assert.deepEqual([...asked], ['/api/v1/namespaces/default/secrets/regcred']);
  });

  test('goes on when the API server was away', async (context) => {
    const agent = await world.startAgent(context);
    await until('it reports', agent.report, soon);
    const active = await pushed();
    await world.plane.restartApiServer();
    const list = async () => world.plane.kube.list(resources.wasmExtensions);
    await until('the API server knows the kinds again', list, soon);
    await declared(context, 'later', active);
    await agent.untilState(active.moduleDigest, 'Ready');
  });

  /** What stands for the extension of that name, which has to be there. */
  async function gateOf({ paths }: AgentProcess, name: string): Promise<string> {
    const { metadata } = (await world.plane.kube.get(resources.wasmExtensions, name, 'default')) ?? assert.fail(name);
    return paths.gate('default', name, metadata.uid ?? '');
  }

  /** A new module in the registry. */
  function pushed(sizeBytes = 20_000): Promise<Revision> {
    return world.push(incompressible(sizeBytes));
  }
});

/** Waits until it was told of a file, and has taken it away: its eyes open a second after the start. */
async function untilItSees({ paths }: AgentProcess): Promise<void> {
  const stranger = join(paths.byDigest, 'stranger');
  writeFileSync(stranger, '');
  const isGone = async () => {
    await utimes(stranger, new Date(), new Date()).catch(() => undefined);
    return !existsSync(stranger);
  };
  await until('a round is over', isGone, { timeoutMs: 60_000, pauseMs: 400 });
}

function newDirectory(context: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-store-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function hashOf(path: string): string {
  return `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

function isWhole(path: string): boolean {
  return path.endsWith(`${hashOf(path).slice('sha256:'.length)}.wasm`);
}

/** Whatever has a final name has all of its bytes. */
function assertWhole({ byDigest }: StorePaths): void {
  for (const name of readdirSync(byDigest)) assert.ok(isWhole(join(byDigest, name)), name);
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function sameFile(one: string, other: string): boolean {
  return lstatSync(one).ino === lstatSync(other).ino;
}

/** A file system of 4 MiB; undefined where this process may not mount one. */
function mountSmall(
  context: Pick<TestContext, 'after'>,
  directory: string,
): { remount(option: string): void } | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'pillion-test', directory], { stdio: 'ignore' });
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
  context.after(() => {
    execFileSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true });
  });
  return { remount: (option) => void execFileSync('mount', ['-o', `remount,${option}`, directory]) };
}
