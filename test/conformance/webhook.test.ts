// Answers: does the webhook answer the conformance cases over HTTPS as the peer's injector does. One real server for
// each group of cases with the same settings; the largest group also asks a process of its own.
// Does not belong here: the road over the command line (command.test.ts).
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { sendReview, startServer } from '../../scripts/server-process.ts';
import { type Ready, serve } from '../../src/roles/serve.ts';
import { readAnswer } from './answers.ts';
import { type Case, cases, skipReason } from './cases.ts';
import { reviewText, settingsFlags } from './flags.ts';
import { sourcesOf } from './sources.ts';
import { verify } from './verify.ts';

interface Server {
  readonly address: string;
  readonly ca: string;
  stop(): Promise<number | null>;
}

/** `pillion serve` within this process: the same function, with signals of its own. */
async function startHere(one: Case): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-conformance-'));
  const signals = new EventEmitter();
  const { promise: started, resolve } = Promise.withResolvers<Ready>();
  const options = { listen: '127.0.0.1:0', managementListen: '127.0.0.1:0', drainDelayMs: 0, logLevel: 'silent' };
  const io = { stderr: { write: (text: string) => assert.fail(text) } };
  const output = { stream: { write: () => {} }, close: async () => {} };
  const hooks = { signals, onReady: resolve, output };
  const ended = serve({ ...options, selfSigned: directory, sources: sourcesOf(one) }, io, hooks);
  const ready = await Promise.race([started, ended]);
  assert.ok(typeof ready === 'object', `the server is ready, not ended with ${ready}`);
  const stop = async (): Promise<number> => {
    signals.emit('SIGTERM');
    const exitCode = await ended;
    rmSync(directory, { recursive: true });
    return exitCode;
  };
  return { address: ready.url.replace('https://', ''), ca: ready.caCertificate, stop };
}

async function askAll(server: Server, group: readonly Case[]): Promise<void> {
  const failures: string[] = [];
  for (const one of group) {
    const { status, text } = await sendReview(server, reviewText(one));
    try {
      assert.equal(status, 200, text);
      verify(one, readAnswer(text, `uid-${one.name}`));
    } catch (error) {
      failures.push(`${one.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  assert.equal(failures.length, 0, failures.join('\n'));
}

/** Cases that one server can answer: those with the same settings. */
function groupsOf(all: readonly Case[]): readonly (readonly [Case, ...Case[]])[] {
  const groups = new Map<string, [Case, ...Case[]]>();
  for (const one of all) {
    const key = JSON.stringify(sourcesOf(one));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

suite('conformance of the webhook', () => {
  const groups = groupsOf(cases);

  for (const group of groups) {
    const [first] = group;
    test(`over HTTPS: ${group.length} × the settings of ${first.name}, answered as the peer answers`, async () => {
      const server = await startHere(first);
      try {
        await askAll(server, group);
      } finally {
        assert.equal(await server.stop(), 0);
      }
    });
  }

  test('a process of its own answers the largest group the same', { skip: skipReason }, async () => {
    const [group] = groups;
    assert.ok(group);
    const server = await startServer({ flags: settingsFlags(group[0]) });
    try {
      await askAll(server, group);
    } finally {
      assert.equal(await server.stop(), 0);
    }
  });
});
