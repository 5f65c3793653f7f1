// Answers: how does a test get a whole webhook inside its own process, see its log and metrics, and end it.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { TestContext } from 'node:test';
import { type Ready, type ServeOptions, serve } from '../../src/roles/serve.ts';
import { temporaryDirectory } from './loopback.ts';

/** The options of `serve`; undefined takes a default of the test away. */
export type Options = { readonly [Name in keyof ServeOptions]: ServeOptions[Name] | undefined };

export interface Serving {
  readonly address: string;
  readonly managementUrl: string;
  readonly ca: string;
  /** Where its certificate is. */
  readonly directory: string;
  readonly signals: EventEmitter;
  /** What was logged, each a JSON object. */
  readonly lines: readonly string[];
  /** Sends SIGTERM; resolves to the exit code. */
  stop(): Promise<number>;
  readonly ended: Promise<number>;
}

/** The options that the tests start from. */
export function optionsFor(directory: string, changes: Partial<Options>): ServeOptions {
  const options = {
    listen: '127.0.0.1:0',
    managementListen: '127.0.0.1:0',
    drainDelayMs: 0,
    logLevel: 'info',
    sources: {},
    selfSigned: directory,
    ...changes,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as ServeOptions;
}

/** Starts a webhook with free ports and a certificate of its own; ended after the test, if not before. */
export async function startServe(context: TestContext, changes: Partial<Options> = {}): Promise<Serving> {
  const directory = temporaryDirectory(context);
  const signals = new EventEmitter();
  const lines: string[] = [];
  const output = { stream: { write: (line: string) => void lines.push(line) }, close: async () => {} };
  const io = { stderr: { write: (text: string) => assert.fail(text) } };
  const { promise: started, resolve: onReady } = Promise.withResolvers<Ready>();
  const ended = serve(optionsFor(directory, changes), io, { signals, output, onReady });
  const up = await Promise.race([started, ended]);
  assert.ok(typeof up === 'object', `it ended with ${up} before it was ready`);
  const stop = (): Promise<number> => {
    signals.emit('SIGTERM');
    return ended;
  };
  context.after(async () => {
    signals.emit('SIGTERM');
    signals.emit('SIGTERM');
    await ended;
  });
  const address = up.url.replace('https://', '');
  return { address, managementUrl: up.managementUrl, ca: up.caCertificate, directory, signals, lines, stop, ended };
}

/** The lines of the log with that message. */
export function logged(
  { lines }: Pick<Serving, 'lines'>,
  message: string | RegExp,
): readonly Record<string, unknown>[] {
  const matches = (msg: string): boolean => (typeof message === 'string' ? msg === message : message.test(msg));
  return lines.map((line) => JSON.parse(line)).filter(({ msg }) => matches(msg));
}

/** The value of the sample with that whole name: `name{label="value"}`. */
export async function metric({ managementUrl }: Pick<Serving, 'managementUrl'>, name: string): Promise<number> {
  const text = await (await fetch(`${managementUrl}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  assert.ok(line !== undefined, `there is a sample ${name}`);
  return Number(line.slice(name.length));
}

interface Readiness {
  readonly status: number;
  readonly conditions: readonly { readonly condition: string; readonly met: boolean; readonly reason: string }[];
}

/** What /readyz says. */
export async function ready({ managementUrl }: Pick<Serving, 'managementUrl'>): Promise<Readiness> {
  const response = await fetch(`${managementUrl}/readyz`);
  const { conditions } = (await response.json()) as Readiness;
  return { status: response.status, conditions };
}
