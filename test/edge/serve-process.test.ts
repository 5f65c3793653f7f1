// Answers: does `pillion serve` behave as a process: log on standard output, signals, exit code.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { agentFor, reviewBody, send, temporaryDirectory } from './loopback.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

test('SIGTERM ends the process with 0 after everything is logged, the last line too', async (context) => {
  const directory = temporaryDirectory(context);
  const loopback = ['--listen', '127.0.0.1:0', '--management-listen', '127.0.0.1:0', '--drain-delay', '0s'];
  const child = spawn(process.execPath, [main, 'serve', '--self-signed', directory, ...loopback]);
  context.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const lines: Record<string, unknown>[] = [];
  const reader = createInterface({ input: child.stdout });
  const read = once(reader, 'close');
  const { promise: ready, resolve } = Promise.withResolvers<string>();
  reader.on('line', (line) => {
    const logged = JSON.parse(line);
    lines.push(logged);
    if (logged.msg === 'ready') resolve(new URL(logged.url).host);
  });
  const stderr = text(child.stderr);
  const address = await Promise.race([ready, ended.then(async () => assert.fail(`it ended early: ${await stderr}`))]);
  const agent = agentFor(context, readFileSync(join(directory, 'ca.crt'), 'utf8'));
  for (const uid of ['one', 'two', 'three']) await send(agent, address, { body: reviewBody(undefined, uid) });
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await read;
  assert.deepEqual(
    lines.filter(({ msg }) => msg === 'admission').map(({ uid }) => uid),
    ['one', 'two', 'three'],
  );
  assert.equal(lines.at(-1)?.['msg'], 'stopped');
});
