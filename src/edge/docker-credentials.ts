// Answers: with which credentials does a person's machine reach a registry: those of `docker login`, which stand in
// docker's configuration or are kept by a program that it names (https://github.com/docker/docker-credential-helpers).
// Does not belong here: what the configuration says (core/wasm/image/docker-config.ts).
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type JsonObject, parseJson } from '../core/model/json.ts';
import { fail, ok, quoted, type Result } from '../core/model/problem.ts';
import { type Credentials, readDockerConfig } from '../core/wasm/image/docker-config.ts';
import { type Refusal, refusal } from '../core/wasm/refusals.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A helper may have to ask the person to unlock a keychain. */
const patienceMs = 30_000;
const mostBytes = 64 * 1024;

/** The name that docker itself keeps Docker Hub under. */
const hubServer = 'https://index.docker.io/v1/';
/** User name that stands for a token instead of a password. */
const tokenUser = '<token>';

/**
 * What `docker login` left for the registry (`host` or `host:port`); undefined where there is nothing. Refused where the
 * configuration cannot be read, or the helper that it names does not work.
 * @param env of the process: HOME, DOCKER_CONFIG, and PATH for helpers
 */
export async function readDockerCredentials(
  registry: string,
  env: Environment,
): Promise<Result<Credentials | undefined, Refusal>> {
  const read = await readConfig(env);
  if (!read.ok) return read;
  const config = read.value;
  if (config === undefined) return ok(undefined);
  const helper = helperFor(registry, config);
  const server = registry === 'docker.io' ? hubServer : registry;
  const kept = helper === undefined ? ok(undefined) : await askHelper(helper, server, env);
  if (!kept.ok) return kept;
  const auths = kept.value === undefined ? (config['auths'] ?? {}) : { [registry]: kept.value };
  return readDockerConfig(JSON.stringify({ auths }));
}

/** Docker's configuration; undefined where there is none. */
async function readConfig(env: Environment): Promise<Result<JsonObject | undefined, Refusal>> {
  const directory = env['DOCKER_CONFIG'] || (env['HOME'] && join(env['HOME'], '.docker'));
  if (!directory) return ok(undefined);
  const path = join(directory, 'config.json');
  try {
    const config = parseJson(await readFile(path, 'utf8'));
    return isObject(config) ? ok(config) : unusable(`Cannot read ${quoted(path)}: it is no JSON object`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ok(undefined);
    return unusable(`Cannot read ${quoted(path)}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The one for this registry, else the one for all. */
function helperFor(registry: string, config: JsonObject): string | undefined {
  const helpers = isObject(config['credHelpers']) ? config['credHelpers'] : {};
  const own = helpers[registry] ?? (registry === 'docker.io' ? helpers[hubServer] : undefined);
  const name = own ?? config['credsStore'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** What the helper keeps for the server, as an entry of `auths`; undefined where it keeps nothing. */
async function askHelper(
  name: string,
  server: string,
  env: Environment,
): Promise<Result<JsonObject | undefined, Refusal>> {
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    return unusable(`Cannot use the credential helper ${quoted(name)}: it is no name`);
  const program = `docker-credential-${name}`;
  const answer = await run(program, server, env);
  if (!answer.ok) {
    if (/credentials not found/i.test(answer.error)) return ok(undefined);
    return unusable(`Cannot get the credentials of ${server} from ${program}: ${answer.error}; run docker login anew`);
  }
  const kept = parseJson(answer.value);
  if (!isObject(kept))
    return unusable(`Cannot get the credentials of ${server} from ${program}: its answer is no JSON`);
  const { Username: username, Secret: secret } = kept;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return ok(undefined);
  return ok(username === tokenUser ? { identitytoken: secret } : { username, password: secret });
}

function run(program: string, input: string, env: Environment): Promise<Result<string, string>> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: patienceMs, maxBuffer: mostBytes };
    const child = execFile(program, ['get'], options, (error, stdout) => {
      if (error === null) return resolve(ok(stdout));
      if (error.code === 'ENOENT') return resolve(fail('there is no such program on the PATH'));
      if (error.killed) return resolve(fail(`it did not answer within ${patienceMs / 1000} s`));
      // helpers say what is wrong on standard output; where it went well, the password stands there
      return resolve(fail(stdout.trim().split('\n')[0]?.slice(0, 200) || `it ended with ${error.code}`));
    });
    child.stdin?.on('error', () => undefined).end(input);
  });
}

function unusable(message: string): { readonly ok: false; readonly error: Refusal } {
  return fail(refusal('Unauthorized', message));
}
