// Answers: what does a request show so that a registry lets it in. Nothing before it is asked for; then the credentials
// that match the image, to the registry itself or to the token service that it names.
// Rules: distribution/distribution docs/spec/auth/token.md and oauth.md.
import { isObject, parseJson } from '../../core/model/json.ts';
import { fail, ok, quoted, type Result } from '../../core/model/problem.ts';
import { type AuthChallenge, readChallenges } from '../../core/wasm/image/auth-challenge.ts';
import { type Credential, type Credentials, credentialFor } from '../../core/wasm/image/docker-config.ts';
import type { ImageReference } from '../../core/wasm/source.ts';
import { readAll, readStart } from './answer-body.ts';
import { type Call, exchange, type Wire } from './exchange.ts';
import { type Fault, lasting, statusFault } from './fault.ts';
import { mayStayOnLoopback } from './forbidden-address.ts';
import { retryAfterMs } from './retry.ts';

/** What is to be done with the repository. */
export type Actions = 'pull' | 'pull,push';

/** For which image, at which URL, to do what. */
export interface Entry {
  readonly image: ImageReference;
  readonly url: URL;
  readonly actions: Actions;
  readonly signal: AbortSignal;
}

export interface Tokens {
  /** The header Authorization that worked before and still should; undefined where nothing is known. */
  known(entry: Entry): string | undefined;
  /** The header for what the registry wants, by the WWW-Authenticate of its answer 401. */
  obtain(entry: Entry, challenge: string | undefined): Promise<Result<string, Fault>>;
  /** The text of an answer without the secrets that were shown: some servers repeat what they refuse. */
  hide(text: string): string;
}

interface Known {
  readonly header: string;
  /** Of the monotonic clock. */
  readonly untilMs: number;
}

const maxTokenBytes = 256 * 1024;
const longestRealm = 2_048;
/** By the rules, where the answer says nothing. */
const usualLifeSeconds = 60;
const longestLifeSeconds = 86_400;
const marginSeconds = 10;
const mostKnown = 1_000;

export function createTokens(wire: Wire, credentials: Credentials | undefined): Tokens {
  const all = new Map<string, Known>();
  const shown = (): readonly string[] => [
    ...(credentials?.entries ?? []).flatMap(({ credential }) => secretsOf(credential)),
    ...[...all.values()].map(({ header }) => header.replace(/^\w+ /, '')),
  ];
  const hide = (text: string): string => withoutSecrets(text, shown());
  return {
    hide,
    known: (entry) => {
      const known = all.get(keyOf(entry));
      return known !== undefined && known.untilMs > performance.now() ? known.header : undefined;
    },
    obtain: async (entry, challenge) => {
      all.delete(keyOf(entry));
      const obtained = await answerChallenge(
        { ...wire, hide },
        entry,
        challenge,
        credentialFor(credentials, entry.image),
      );
      if (!obtained.ok) return obtained;
      if (all.size >= mostKnown) all.clear();
      all.set(keyOf(entry), obtained.value);
      return ok(obtained.value.header);
    },
  };
}

function secretsOf(credential: Credential): readonly string[] {
  if (credential.kind !== 'password') return [credential.token];
  return [basicOf(credential).slice('Basic '.length), credential.password];
}

/** Shorter ones stand in every text. */
const shortestSecret = 4;

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((left, one) => (one.length < shortestSecret ? left : left.replaceAll(one, '…')), text);
}

/** Over which a token service is asked. */
type TokenWire = Wire & Pick<Tokens, 'hide'>;

function keyOf({ image, url, actions }: Entry): string {
  return `${url.origin} ${image.repository} ${actions}`;
}

async function answerChallenge(
  wire: TokenWire,
  entry: Entry,
  header: string | undefined,
  credential: Credential | undefined,
): Promise<Result<Known, Fault>> {
  const challenges = readChallenges(header);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer !== undefined) return answerBearer(wire, entry, bearer, credential);
  if (!challenges.some(({ scheme }) => scheme === 'basic')) {
    return fail(lasting('Unauthorized', 'the answer is 401, and it wants neither Basic nor Bearer'));
  }
  if (credential?.kind === 'password') return ok({ header: basicOf(credential), untilMs: Number.POSITIVE_INFINITY });
  const state = credential === undefined ? 'no credentials are given for it' : 'only a token is given for it';
  return fail(lasting('Unauthorized', `it wants user name and password, and ${state}`));
}

function basicOf({ username, password }: Credential & { readonly kind: 'password' }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function answerBearer(
  wire: TokenWire,
  entry: Entry,
  challenge: AuthChallenge,
  credential: Credential | undefined,
): Promise<Result<Known, Fault>> {
  if (credential?.kind === 'registry-token') {
    return ok({ header: `Bearer ${credential.token}`, untilMs: Number.POSITIVE_INFINITY });
  }
  const realm = readRealm(challenge.parameters.get('realm'), entry.url);
  if (!realm.ok) return realm;
  const service = challenge.parameters.get('service');
  const answer = await exchange(wire, tokenCall(realm.value, service, entry, credential));
  if (!answer.ok) return answer;
  const { status, headers, body } = answer.value;
  if (status !== 200) {
    const waitMs = retryAfterMs(headers['retry-after'], Date.now());
    const fault = statusFault({ status, body: await readStart(body), retryAfterMs: waitMs, hide: wire.hide });
    return fail({ ...fault, state: `its token service ${quoted(realm.value.host)} refuses: ${fault.state}` });
  }
  const bytes = await readAll(body, maxTokenBytes, lasting('InvalidAnswer', 'the token is longer than is allowed'));
  return bytes.ok ? readToken(Buffer.from(bytes.value).toString('utf8')) : bytes;
}

/** The token service of a challenge. Credentials go there, so that it may not be less protected than the registry. */
function readRealm(text: string | undefined, registry: URL): Result<URL, Fault> {
  const refuse = (state: string) => fail(lasting('InvalidAnswer', `its token service (realm) ${state}`));
  if (text === undefined || text.length > longestRealm || !URL.canParse(text)) return refuse('is no URL');
  const realm = new URL(text);
  if (realm.username !== '' || realm.password !== '') return refuse('has user information');
  if (realm.protocol === 'https:' || (realm.protocol === 'http:' && registry.protocol === 'http:')) return ok(realm);
  return refuse('is no https URL');
}

function tokenCall(realm: URL, service: string | undefined, entry: Entry, credential: Credential | undefined): Call {
  const { image, actions, signal, url } = entry;
  const scope = `repository:${image.repository}:${actions}`;
  const asked = { ...(service !== undefined && { service }), scope };
  const common = { signal, mayBeLoopback: mayStayOnLoopback(url, realm) };
  const headers = { Accept: 'application/json', 'Accept-Encoding': 'identity' };
  if (credential?.kind === 'identity-token') {
    const form = { grant_type: 'refresh_token', client_id: 'pillion', refresh_token: credential.token, ...asked };
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const body = Buffer.from(new URLSearchParams(form).toString());
    return { ...common, method: 'POST', url: realm, headers: { ...headers, ...type }, body };
  }
  const target = new URL(realm);
  for (const [name, value] of Object.entries(asked)) target.searchParams.set(name, value);
  const shown = credential?.kind === 'password' ? { Authorization: basicOf(credential) } : {};
  return { ...common, method: 'GET', url: target, headers: { ...headers, ...shown } };
}

function readToken(text: string): Result<Known, Fault> {
  const answer = parseJson(text);
  const fields = isObject(answer) ? answer : {};
  const token = [fields['token'], fields['access_token']].find((one) => typeof one === 'string' && one !== '');
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) {
    return fail(lasting('InvalidAnswer', 'its token service answers without a token'));
  }
  const said = fields['expires_in'];
  const seconds = typeof said === 'number' && said > 0 ? Math.min(said, longestLifeSeconds) : usualLifeSeconds;
  return ok({ header: `Bearer ${token}`, untilMs: performance.now() + (seconds - marginSeconds) * 1_000 });
}
