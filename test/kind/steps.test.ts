import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { bold, stepsOn } from '../../kind/steps.ts';

function output(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) > 0 };
}

suite('steps', () => {
  test('in a pipe, each is a line when it starts and a line with its time when it ends, without colour', async () => {
    const out = output(false);
    const steps = stepsOn(out, {});
    assert.equal(await steps.step('Make it', async () => 7), 7);
    steps.say(bold('done'));
    assert.match(out.written.join(''), /^… Make it\n✓ Make it +\d+\.\d s\ndone\n$/);
  });

  test('in a terminal, the names of all that runs stand in one line that moves', async () => {
    const out = output(true);
    const steps = stepsOn(out, {});
    await Promise.all([steps.step('Make it', () => sleep(250)), steps.step('Build it', () => sleep(250))]);
    assert.ok(out.written.some((text) => /Make it \d+ s · Build it \d+ s$/.test(text)));
    assert.match(stripVTControlCharacters(out.written.join('')), /✓ Make it +\d+\.\d s\n/);
    assert.ok(out.written.join('').includes('\u001b[32m✓'), 'coloured');
  });

  test('the moving line never wraps', async () => {
    const out = output(true, 20);
    await stepsOn(out, {}).step('A name that is longer than the terminal is wide', () => sleep(150));
    const moving = out.written.filter((text) => text.startsWith('\r\u001b[K') && text.includes('A name'));
    assert.ok(moving.length > 0);
    for (const text of moving) assert.ok(text.length - '\r\u001b[K'.length < 20, text);
  });

  test('one that fails is marked, and its error goes on', async () => {
    const out = output(false);
    await assert.rejects(
      stepsOn(out, {}).step('Make it', () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.match(out.written.join(''), /✗ Make it/);
  });
});
