// Answers: does the command answer the conformance cases as the peer's injector does. In this process, and a handful as
// processes of their own.
// Does not belong here: the road over HTTPS (webhook.test.ts).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Io } from '../../src/cli/command.ts';
import { runCommandLine } from '../../src/cli/run.ts';
import type { JsonObject } from '../../src/core/model/json.ts';
import { readAnswer } from './answers.ts';
import { type Case, cases, skipReason } from './cases.ts';
import { differenceLine, differences } from './compare.ts';
import { namedDifferences } from './differences.ts';
import { namespaceFlags, reviewText, settingsFlags } from './flags.ts';
import type { Answer } from './judge.ts';
import { countCases, verify } from './verify.ts';

const mainFile = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
let directory = '';

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function runHere(args: readonly string[], input: string): Promise<Ran> {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  async function* stdin(): AsyncGenerator<string> {
    yield input;
  }
  const noRole = () => Promise.reject(new Error('no server is asked for'));
  const io: Io = {
    stdin: stdin(),
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: {},
    roles: { serve: noRole, control: noRole, agent: noRole },
  };
  return { exitCode: await runCommandLine(args, io), ...written };
}

function runProcess(args: readonly string[], input: string): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [mainFile, ...args], { input, encoding: 'utf8' });
  return { exitCode: status ?? -1, stdout, stderr };
}

function argumentsFor(one: Case, ...rest: readonly string[]): readonly string[] {
  return ['inject', ...settingsFlags(one), ...namespaceFlags(one, directory), ...rest];
}

/** Public: 0 injected, 3 left alone, 4 denied. */
function expectedExitCode(one: Case): number {
  if (one.expectedError !== undefined) return 4;
  return one.skipped ? 3 : 0;
}

function answerOfPatch({ exitCode, stdout, stderr }: Ran): Answer {
  if (exitCode === 4) return { kind: 'deny', message: stderr };
  const patch = JSON.parse(stdout);
  return exitCode === 3 ? { kind: 'skip' } : { kind: 'patch', patch };
}

suite('conformance of the command', () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'pillion-conformance-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  test('the cases are complete', { skip: skipReason }, () => {
    assert.deepEqual(countCases(), { pods: 124, denials: 5, skips: 3 });
    const names = new Set(cases.map(({ name }) => name));
    assert.deepEqual(
      namedDifferences.filter((difference) => !names.has(difference.case)),
      [],
    );
  });

  test('every named difference is told in docs/differences.md', () => {
    const page = readFileSync(new URL('../../docs/differences.md', import.meta.url), 'utf8');
    assert.deepEqual(
      namedDifferences.filter(({ name }) => !page.includes(`## ${name}\n`)),
      [],
    );
  });

  for (const one of cases) {
    test(`${one.name}: inject answers the AdmissionReview as the peer does`, async () => {
      const ran = await runHere(argumentsFor(one), reviewText(one));
      verify(one, readAnswer(ran.stdout, `uid-${one.name}`));
      assert.equal(ran.exitCode, expectedExitCode(one), ran.stderr);
    });

    test(`${one.name}: inject -o patch prints the peer's pod as a patch`, async () => {
      const ran = await runHere(argumentsFor(one, '-o', 'patch'), reviewText(one));
      verify(one, answerOfPatch(ran));
      assert.equal(ran.exitCode, expectedExitCode(one), ran.stderr);
    });
  }

  for (const one of cases.filter(
    ({ expected, name }) => expected && !namedDifferences.some((known) => known.case === name),
  )) {
    test(`${one.name}: inject -o json makes the peer's pod of a manifest`, async () => {
      const type = { apiVersion: 'v1', kind: 'Pod' };
      const ran = await runHere(argumentsFor(one, '-o', 'json'), JSON.stringify({ ...type, ...one.input }));
      const actual: JsonObject = JSON.parse(ran.stdout);
      assert.deepEqual(differences({ ...type, ...one.expected }, actual).map(differenceLine), []);
    });
  }

  const handful = [
    '000-hello',
    '031-traffic',
    '045-gateway',
    '060-hello-openshift',
    '053-custom-template',
    '085-hello-ignore',
  ];
  for (const one of cases.filter(({ name }) => handful.some((start) => name.startsWith(start)))) {
    test(`${one.name}: a process of its own answers the same`, () => {
      const ran = runProcess(argumentsFor(one), reviewText(one));
      verify(one, readAnswer(ran.stdout, `uid-${one.name}`));
      assert.equal(ran.exitCode, expectedExitCode(one), ran.stderr);
    });
  }
});
