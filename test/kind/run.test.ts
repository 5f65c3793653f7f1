import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CommandError, run, shellText, tryRun } from '../../kind/run.ts';

const node = process.execPath;

suite('programs that are run', () => {
  test('what it prints is returned, and it gets what it is to read and its environment', async () => {
    const script = 'process.stdin.on("data", (text) => process.stdout.write(`${text} ${process.env.GREETED}`))';
    assert.equal(await run(node, ['-e', script], { stdin: 'hello', env: { GREETED: 'world' } }), 'hello world');
  });

  test('one that fails is shown as a command to paste, with everything that it said', async () => {
    const script = 'console.log("half a result"); console.error("no such thing"); process.exit(3)';
    await assert.rejects(run(node, ['-e', script], { env: { PLACE: 'a b' } }), (error: Error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /^Cannot run ".*": it ended with 3; to see it again:\n {2}PLACE='a b' /);
      assert.match(error.message, /no such thing\nhalf a result$/);
      assert.equal(error.stderr, 'no such thing\n');
      return true;
    });
  });

  test('one that is missing is said in one line, with the way to get it', async () => {
    const { PATH } = process.env;
    process.env['PATH'] = '/nowhere';
    try {
      await assert.rejects(run('helm', ['list']), {
        message: 'Cannot find "helm": it is not on the PATH; install it (https://helm.sh/docs/intro/install)',
      });
      await assert.rejects(tryRun('helm', ['list']), CommandError, 'missing is not the same as failed');
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  test('what a person has set for other clusters does not lead it there', async () => {
    process.env['HELM_KUBEAPISERVER'] = 'https://production.example.com';
    try {
      const script = 'process.stdout.write(`${process.env.HELM_KUBEAPISERVER} ${process.env.PATH !== undefined}`)';
      assert.equal(await run(node, ['-e', script]), 'undefined true');
    } finally {
      delete process.env['HELM_KUBEAPISERVER'];
    }
  });

  test('one that takes too long is ended', async () => {
    await assert.rejects(run(node, ['-e', 'setInterval(() => {}, 1000)'], { timeoutMs: 200 }), /SIGKILL ended it/);
  });

  test('where failing is an answer, it is undefined', async () => {
    assert.equal(await tryRun(node, ['-e', 'process.exit(1)']), undefined);
    assert.equal(await tryRun(node, ['-e', 'process.exit(0)']), '');
  });

  test('words that a shell would take apart are quoted, the others are not', () => {
    const args = ['get', 'pod', '-o=jsonpath={.a}', "it's", ''];
    const line = { command: 'kubectl', args, env: { KUBECONFIG: 'a/b.yaml' } };
    assert.equal(shellText(line), "KUBECONFIG=a/b.yaml kubectl get pod '-o=jsonpath={.a}' 'it'\\''s' ''");
  });
});
