// Answers: what does a server tell of broken settings in a real cluster: one line for each ConfigMap, in the readiness
// and in the log, while the last good settings go on being used.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { logged, ready } from '../edge/serving.ts';
import { assets } from './assets.ts';
import { documentTitles, handWritten } from './bad-documents.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { type LiveServer, startLiveServer, writeSettings } from './live-server.ts';

suite('broken settings of a cluster', { skip: assets.skip }, () => {
  let plane: ControlPlane;
  let server: LiveServer;
  const cleanups: (() => unknown)[] = [];
  const context = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  before(async () => {
    plane = await startControlPlane(context);
    await writeSettings(plane.kube, { options: {}, mesh: { trustDomain: 'good.example' }, values: undefined });
    server = await startLiveServer(context, plane);
    await until('the server is ready', async () => (await ready(server)).status === 200);
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const told = (): readonly string[] =>
    (logged(server, 'settings rejected; the last good ones are kept').at(-1)?.['problems'] ?? []) as readonly string[];
  const reason = async (): Promise<string> => (await ready(server)).conditions[0]?.reason ?? '';

  for (const { document, text, line } of handWritten) {
    const title = documentTitles[document];
    test(`${title}${line}`, async (test) => {
      await writeSettings(plane.kube, { [document]: text });
      const whole = title + line;
      await until(`it is told: ${whole}`, async () => told()[0]?.startsWith(whole) === true);
      assert.equal(told().length, 1, told().join('\n'));
      assert.ok((await reason()).includes(whole), await reason());
      assert.equal((await ready(server)).status, 200);
      assert.match(await server.patch(test), /good\.example/);
      await writeSettings(plane.kube, {
        [document]: document === 'mesh' ? { trustDomain: 'good.example' } : undefined,
      });
      await until('it is healed', async () => !(await reason()).includes('last good'));
    });
  }
});
