// Answers: how does a test get a real registry: the CNCF distribution, on loopback, with a storage of its own.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { until } from '../until.ts';

/** False where the program is there; else the one line that says how to get it. */
export const skipWithoutRegistry: string | false =
  !isOnPath('registry') &&
  'Cannot start a registry: there is no "registry" on the PATH; put the CNCF distribution 3 there under this name';

/** True where a program of that name is on the PATH. */
export function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
}

export interface Distribution {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Directory of its storage, below which is `docker/registry/v2`. */
  readonly root: string;
  /** One line for each request, as web servers write it, among lines of other kinds. */
  log(): string;
  stop(): Promise<void>;
}

export interface DistributionOptions {
  /** Certificate and key, PEM; plain HTTP without them. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Wants user name and password: those of `login`. */
  readonly auth?: boolean;
}

/** The one who may, where a registry wants to know: the password holds what separates it from the name. */
export const login = { username: 'pusher', password: 'pass:word' } as const;
const htpasswd = 'pusher:$2y$04$abcdefghijklmnopqrstuu7govE5p0NSk1WUEk5C2Qm3hpPC6VJ66\n';

const patience = { timeoutMs: 60_000, pauseMs: 20 };

/** Starts it on a free port; it has to be stopped. */
export async function startDistribution(options: DistributionOptions = {}): Promise<Distribution> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-registry-'));
  const root = join(directory, 'data');
  mkdirSync(root);
  const file = join(directory, 'log');
  const log = openSync(file, 'w');
  const child = spawn('registry', ['serve', writeConfig(directory, root, options)], {
    stdio: ['ignore', log, log],
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const text = (): string => readFileSync(file, 'utf8');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const find = async () => {
      if (child.exitCode !== null) throw new Error(text());
      return /listening on (127\.0\.0\.1:\d+)/.exec(text())?.[1];
    };
    const host = await until('the registry listens', find, patience);
    return { host, root, log: text, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function writeConfig(directory: string, root: string, { tls, auth = false }: DistributionOptions): string {
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const config = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: root } },
    http: {
      addr: '127.0.0.1:0',
      ...(tls && { tls: { certificate: write('tls.crt', tls.cert), key: write('tls.key', tls.key) } }),
    },
    ...(auth && { auth: { htpasswd: { realm: 'test', path: write('htpasswd', htpasswd) } } }),
  };
  // JSON is YAML
  return write('config.yml', JSON.stringify(config));
}
