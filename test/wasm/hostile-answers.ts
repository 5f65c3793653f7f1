// Answers: what may a registry answer that wants to do harm, or somebody who stands before it, and what has to be said to
// it.
// Does not belong here: what harms though a registry is honest (hostile-fixtures.ts).
import type { ServerResponse } from 'node:http';
import { digestOf } from '../../src/core/wasm/digests.ts';
import { packModule } from '../../src/core/wasm/image/pack.ts';
import type { RefusalReason } from '../../src/core/wasm/refusals.ts';
import { type Misbehaviour, respond } from './fault-server.ts';
import { moduleOfSize } from './module-builder.ts';

/** What an honest registry would have. */
export const packed = packModule(moduleOfSize(300_000));
const manifestPath = '/v2/team/filter/manifests/1.2';
export const layerPath = `/v2/team/filter/blobs/${packed.layer.digest}`;
const configPath = `/v2/team/filter/blobs/${packed.config.digest}`;

export interface HostileAnswer {
  /** Of what is refused. */
  readonly what: string;
  readonly reason: RefusalReason;
  /** In the message. */
  readonly says: RegExp;
  readonly fault: Misbehaviour;
  /** How often the registry may be asked in all; every fault is bounded. */
  readonly mostAsked?: number;
  readonly pinned?: boolean;
  /** It makes who asks wait: until its patience is at an end. */
  readonly isSlow?: boolean;
}

/** The patience of who asks those that are slow. */
export const shortMs = 1_000;

const chunk = Buffer.alloc(64 * 1024, 0x20);

/** Sends for as long as somebody takes it. */
function flood(response: ServerResponse, piece: string | Buffer = chunk): true {
  const more = (): void => {
    if (response.writable) response.write(piece, (error) => error ?? setImmediate(more));
  };
  more();
  return true;
}

/** The same below HTTP. */
function floodSocket(response: ServerResponse, head: string, piece: string): true {
  const { socket } = response;
  socket?.on('error', () => {});
  const more = (): void => {
    if (socket?.writable) socket.write(piece, (error) => error ?? setImmediate(more));
  };
  socket?.write(head);
  more();
  return true;
}

/** One byte now and then, for ever. */
function drip(response: ServerResponse, everyMs: number): true {
  response.writeHead(200, { 'Content-Type': packed.manifest.mediaType });
  const timer = setInterval(() => response.write(' '), everyMs);
  response.on('close', () => clearInterval(timer));
  return true;
}

function at(path: string, act: (response: ServerResponse, count: number) => true | undefined): Misbehaviour {
  return (_request, response, asked) => (asked.path === path ? act(response, asked.count) : undefined);
}

function atManifest(act: (response: ServerResponse, count: number) => true | undefined): Misbehaviour {
  return (_request, response, asked) =>
    asked.path.startsWith('/v2/team/filter/manifests/') ? act(response, asked.count) : undefined;
}

export function challenge(header: string): Misbehaviour {
  return (_request, response, { path }) =>
    path.startsWith('/v2/') ? respond(response, 401, '', { 'WWW-Authenticate': header }) : undefined;
}

/** A token service on the registry itself, which answers so. */
function tokenService(answer: (response: ServerResponse) => true): Misbehaviour {
  return (request, response, asked) => {
    if (asked.path.startsWith('/token')) return answer(response);
    const realm = `http://${request.headers.host}/token`;
    return respond(response, 401, '', { 'WWW-Authenticate': `Bearer realm="${realm}",service="s"` });
  };
}

export function redirect(path: string, location: string): Misbehaviour {
  return at(path, (response) => respond(response, 307, '', { Location: location }));
}

export function tooMany(retryAfter: string): Misbehaviour {
  return at(manifestPath, (response) => respond(response, 429, '', { 'Retry-After': retryAfter }));
}

const altered = Buffer.from(packed.layer.bytes);
altered[altered.length >> 1] = (altered[altered.length >> 1] ?? 0) ^ 1;

const indexType = 'application/vnd.oci.image.index.v1+json';
const innerIndex = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [] }));
const listed = { mediaType: packed.manifest.mediaType, digest: digestOf(innerIndex), size: innerIndex.length };
const outerIndex = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [listed] });

const manifestType = { 'Content-Type': packed.manifest.mediaType };
export const hostileAnswers: readonly HostileAnswer[] = [
  {
    what: 'an endless manifest',
    reason: 'ManifestTooLarge',
    says: /larger than 4194304 bytes/,
    fault: atManifest((response) => flood(response.writeHead(200, manifestType))),
    mostAsked: 1,
  },
  {
    what: 'a manifest that announces 10 GB',
    reason: 'ManifestTooLarge',
    says: /larger than 4194304 bytes/,
    fault: atManifest((response) => flood(response.writeHead(200, { ...manifestType, 'Content-Length': 1e10 }))),
    mostAsked: 1,
  },
  {
    what: 'endless headers',
    reason: 'InvalidAnswer',
    says: /headers of the answer are larger/,
    fault: atManifest((response) => floodSocket(response, 'HTTP/1.1 200 OK\r\n', `X-A: ${'a'.repeat(40_000)}\r\n`)),
    mostAsked: 1,
  },
  {
    what: 'an answer that changes the protocol',
    reason: 'InvalidAnswer',
    says: /the answer is 101, which nobody asked for/,
    fault: atManifest((response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: any\r\n\r\n');
      return true;
    }),
    mostAsked: 1,
  },
  {
    what: 'a word of thanks for the password, in which it stands',
    reason: 'Unauthorized',
    says: /the answer is 403 "DENIED: … and …"/,
    fault: (_request, response, { authorization }) => {
      if (authorization === undefined) return respond(response, 401, '', { 'WWW-Authenticate': 'Basic realm="r"' });
      const pair = authorization.replace('Basic ', '');
      const [, password] = Buffer.from(pair, 'base64').toString().split(':');
      const errors = [{ code: 'DENIED', message: `${pair} and ${password}` }];
      return respond(response, 403, JSON.stringify({ errors }));
    },
  },
  {
    what: 'a token service that repeats the password',
    reason: 'Unauthorized',
    says: /refuses: the answer is 401 "UNAUTHORIZED: …"/,
    fault: (request, response, asked) => {
      if (!asked.path.startsWith('/token')) {
        const realm = `http://${request.headers.host}/token`;
        return respond(response, 401, '', { 'WWW-Authenticate': `Bearer realm="${realm}"` });
      }
      const message = Buffer.from((asked.authorization ?? '').replace('Basic ', ''), 'base64')
        .toString()
        .replace('reader:', '');
      return respond(response, 401, JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message }] }));
    },
  },
  {
    what: 'one endless header',
    reason: 'InvalidAnswer',
    says: /headers of the answer are larger/,
    fault: atManifest((response) => floodSocket(response, 'HTTP/1.1 200 OK\r\nX-A: ', 'a'.repeat(40_000))),
    mostAsked: 1,
  },
  {
    what: 'answers before the answer, without end',
    reason: 'RegistryUnreachable',
    says: /no answer within 1000 ms/,
    isSlow: true,
    fault: atManifest((response) => floodSocket(response, '', 'HTTP/1.1 103 Early Hints\r\n\r\n')),
    mostAsked: 4,
  },
  {
    what: 'endless trailers',
    reason: 'RegistryUnreachable',
    says: /connection failed/,
    fault: atManifest((response) =>
      floodSocket(
        response,
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n',
        `X: ${'a'.repeat(1_000)}\r\n`,
      ),
    ),
    mostAsked: 4,
  },
  {
    what: 'what is no HTTP',
    reason: 'InvalidAnswer',
    says: /is not HTTP/,
    fault: atManifest((response) => floodSocket(response, 'SSH-2.0-OpenSSH_9.6\r\n', 'x')),
    mostAsked: 1,
  },
  {
    what: 'another manifest than that of the digest',
    reason: 'DigestMismatch',
    says: /the manifest that arrives is sha256:/,
    pinned: true,
    fault: atManifest((response) =>
      respond(response, 200, `${Buffer.from(packed.manifest.bytes)} `, {
        ...manifestType,
        'Docker-Content-Digest': packed.manifest.digest,
      }),
    ),
  },
  {
    what: 'a manifest whose media type is not that of the answer',
    reason: 'InvalidManifest',
    says: /the registry calls it .*, it calls itself/,
    fault: atManifest((response) =>
      respond(response, 200, packed.manifest.bytes, { 'Content-Type': 'application/vnd.oci.image.index.v1+json' }),
    ),
  },
  {
    what: 'a web page for a manifest',
    reason: 'InvalidAnswer',
    says: /web page/,
    fault: atManifest((response) =>
      respond(response, 200, '<html>sign in', { 'Content-Type': 'text/html; charset=utf-8' }),
    ),
  },
  {
    what: 'an empty manifest',
    reason: 'InvalidManifest',
    says: /manifest/,
    fault: atManifest((response) => respond(response, 200, '', manifestType)),
  },
  {
    what: 'an index that calls another index an image',
    reason: 'InvalidManifest',
    says: /its index lists another index/,
    fault: (_request, response, { path }) => {
      if (!path.includes('/manifests/')) return undefined;
      const body = path.endsWith(digestOf(innerIndex)) ? innerIndex : outerIndex;
      return respond(response, 200, body, { 'Content-Type': indexType });
    },
  },
  {
    what: 'a status that means nothing here',
    reason: 'InvalidAnswer',
    says: /the answer is 299/,
    fault: atManifest((response) => respond(response, 299, packed.manifest.bytes, manifestType)),
  },
  {
    what: 'a configuration with other bytes',
    reason: 'DigestMismatch',
    says: /digest sha256:/,
    fault: at(configPath, (response) => respond(response, 200, Buffer.alloc(packed.config.bytes.length, 0x20))),
  },
  {
    what: 'an endless configuration',
    reason: 'DigestMismatch',
    says: /more than the \d+ bytes/,
    fault: at(configPath, (response) => flood(response)),
  },
  {
    what: 'a layer with one bit altered',
    reason: 'DigestMismatch',
    says: /digest sha256:/,
    fault: at(layerPath, (response) => respond(response, 200, altered)),
  },
  {
    what: 'a layer that is shorter than its manifest says',
    reason: 'DigestMismatch',
    says: /its manifest says/,
    fault: at(layerPath, (response) => respond(response, 200, packed.layer.bytes.subarray(0, 500))),
  },
  {
    what: 'a layer with something behind it',
    reason: 'DigestMismatch',
    says: /more than the \d+ bytes of its manifest/,
    fault: at(layerPath, (response) => respond(response, 200, Buffer.concat([packed.layer.bytes, chunk]))),
  },
  {
    what: 'a layer without end',
    reason: 'DigestMismatch',
    says: /more than the \d+ bytes of its manifest/,
    fault: at(layerPath, (response) => {
      response.write(packed.layer.bytes);
      return flood(response);
    }),
  },
  {
    what: 'a layer in compressed form',
    reason: 'InvalidAnswer',
    says: /Content-Encoding/,
    fault: at(layerPath, (response) => respond(response, 200, packed.layer.bytes, { 'Content-Encoding': 'gzip' })),
  },
  {
    what: 'a manifest in compressed form',
    reason: 'InvalidAnswer',
    says: /Content-Encoding/,
    fault: atManifest((response) => respond(response, 200, packed.manifest.bytes, { 'Content-Encoding': 'br' })),
  },
  {
    what: 'another range than was asked for',
    reason: 'InvalidAnswer',
    says: /another range/,
    fault: at(layerPath, (response, count) => {
      if (count > 1) return respond(response, 206, altered, { 'Content-Range': `bytes 0-9/${altered.length}` });
      response.writeHead(200, { 'Content-Length': altered.length });
      response.write(packed.layer.bytes.subarray(0, 100), () => response.destroy());
      return true;
    }),
  },
  {
    what: 'a layer that breaks off again and again',
    reason: 'RegistryUnreachable',
    says: /connection failed/,
    fault: at(layerPath, (response) => {
      response.writeHead(200, { 'Content-Length': altered.length });
      response.write(packed.layer.bytes.subarray(0, 100), () => response.destroy());
      return true;
    }),
    mostAsked: 8,
  },
  {
    what: 'silence',
    reason: 'RegistryUnreachable',
    says: /no answer within 1000 ms/,
    isSlow: true,
    fault: atManifest(() => true),
    mostAsked: 4,
  },
  {
    what: 'a body that does not come',
    reason: 'RegistryUnreachable',
    says: /nothing arrives for 1000 ms/,
    isSlow: true,
    fault: atManifest((response) => {
      response.writeHead(200, manifestType).flushHeaders();
      return true;
    }),
    mostAsked: 4,
  },
  {
    what: 'a body that comes byte by byte',
    reason: 'RegistryUnreachable',
    says: /takes longer than is allowed/,
    isSlow: true,
    fault: atManifest((response) => drip(response, 100)),
    mostAsked: 1,
  },
  {
    what: 'redirects without end',
    reason: 'InvalidAnswer',
    says: /more than 5 times/,
    fault: (_request, response, { path }) =>
      path.startsWith('/v2/team/filter/blobs/sha256:') || path.startsWith('/round/')
        ? respond(response, 302, '', { Location: `/round/${Math.random()}` })
        : undefined,
    mostAsked: 8,
  },
  {
    what: 'a redirect to the metadata of the cloud',
    reason: 'InvalidAnswer',
    says: /leads to "169\.254\.169\.254"/,
    fault: redirect(layerPath, 'http://169.254.169.254/latest/meta-data/'),
  },
  {
    what: 'the same written as one number',
    reason: 'InvalidAnswer',
    says: /leads to "169\.254\.169\.254"/,
    fault: redirect(layerPath, 'http://2852039166/latest/meta-data/'),
  },
  {
    what: 'a redirect to a file',
    reason: 'InvalidAnswer',
    says: /no URL of HTTP/,
    fault: redirect(layerPath, 'file:///etc/passwd'),
  },
  {
    what: 'a redirect with a user name',
    reason: 'InvalidAnswer',
    says: /user information/,
    fault: redirect(layerPath, '//user:word@127.0.0.1/x'),
  },
  {
    what: 'a redirect to nowhere',
    reason: 'InvalidAnswer',
    says: /no URL of HTTP/,
    fault: at(layerPath, (response) => respond(response, 307)),
  },
  {
    what: 'a token service at the metadata of the cloud',
    reason: 'InvalidAnswer',
    says: /leads to "169\.254\.169\.254"/,
    fault: challenge('Bearer realm="http://169.254.169.254/latest/meta-data/iam"'),
  },
  {
    what: 'the same in IPv6',
    reason: 'InvalidAnswer',
    says: /leads to "::ffff:a9fe:a9fe"/,
    fault: challenge('Bearer realm="https://[::ffff:169.254.169.254]/token"'),
  },
  {
    what: 'a token service that is a file',
    reason: 'InvalidAnswer',
    says: /no https URL/,
    fault: challenge('Bearer realm="file:///var/run/secrets/token"'),
  },
  {
    what: 'a token service without a URL',
    reason: 'InvalidAnswer',
    says: /is no URL/,
    fault: challenge('Bearer realm='),
  },
  {
    what: 'a challenge of a kind that nobody knows',
    reason: 'Unauthorized',
    says: /neither Basic nor Bearer/,
    fault: challenge('Negotiate abc'),
  },
  {
    what: 'a token that never suffices',
    reason: 'Unauthorized',
    says: /the answer is 401/,
    fault: tokenService((response) => respond(response, 200, '{"token":"abc"}')),
    mostAsked: 3,
  },
  {
    what: 'an endless token',
    reason: 'InvalidAnswer',
    says: /longer than is allowed/,
    fault: tokenService((response) => flood(response)),
  },
  {
    what: 'a token that would write headers',
    reason: 'InvalidAnswer',
    says: /without a token/,
    fault: tokenService((response) => respond(response, 200, JSON.stringify({ token: 'a\r\nX-Admin: 1' }))),
  },
  {
    what: 'a token service that sends elsewhere',
    reason: 'InvalidAnswer',
    says: /token service "127\.0\.0\.1:\d+" refuses: the answer is 302/,
    fault: tokenService((response) => respond(response, 302, '', { Location: 'http://127.0.0.1:1/' })),
  },
  ...['0', '0.0001', '-5', 'soon', ''].map(
    (said): HostileAnswer => ({
      what: `a wait of "${said}" again and again`,
      reason: 'RateLimited',
      says: /the answer is 429/,
      fault: tooMany(said),
      mostAsked: 4,
    }),
  ),
  ...['99999999999999999999', 'Fri, 31 Dec 2099 23:59:59 GMT', '301'].map(
    (said): HostileAnswer => ({
      what: `a wait of "${said}"`,
      reason: 'RateLimited',
      says: /the answer is 429/,
      fault: tooMany(said),
      mostAsked: 1,
    }),
  ),
];
