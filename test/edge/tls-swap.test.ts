// Answers: is a certificate that changes on disk shown without a restart and without a failed request.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { followFiles } from '../../src/edge/followed-files.ts';
import { provideSelfSigned } from '../../src/edge/self-signed.ts';
import { type Certificate, loadCertificate } from '../../src/edge/tls.ts';
import { agentFor, reviewBody, send, startListener, temporaryDirectory, textOf, until } from './loopback.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function makePair(context: TestContext): Promise<Pair> {
  const directory = temporaryDirectory(context);
  await provideSelfSigned(directory, new Date());
  return { cert: textOf(directory, 'tls.crt'), key: textOf(directory, 'tls.key') };
}

/** A volume as the kubelet makes it of a Secret: files are links over `..data` into a directory that is swapped. */
class SecretVolume {
  readonly directory: string;
  #generation = 0;

  constructor(directory: string, pair: Pair) {
    this.directory = directory;
    this.swap(pair);
    symlinkSync(join('..data', 'tls.crt'), join(directory, 'tls.crt'));
    symlinkSync(join('..data', 'tls.key'), join(directory, 'tls.key'));
  }

  swap({ cert, key }: Pair): void {
    const before = `..${this.#generation}`;
    this.#generation += 1;
    const name = `..${this.#generation}`;
    mkdirSync(join(this.directory, name));
    writeFileSync(join(this.directory, name, 'tls.crt'), cert);
    writeFileSync(join(this.directory, name, 'tls.key'), key);
    symlinkSync(name, join(this.directory, '..data_tmp'));
    renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
    rmSync(join(this.directory, before), { recursive: true, force: true });
  }
}

interface Followed {
  readonly accepted: string[];
  readonly rejected: string[];
}

/** Follows the volume for the listener; tells what became of each change. */
async function follow(
  context: TestContext,
  { directory }: SecretVolume,
  use: (one: Certificate) => void,
): Promise<Followed> {
  const seen: Followed = { accepted: [], rejected: [] };
  const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
  const followed = await followFiles<Certificate, string>({
    paths: [files.cert, files.key],
    load: () => loadCertificate(files, new Date()),
    accepted: (certificate) => {
      seen.accepted.push(certificate.fingerprint);
      use(certificate);
    },
    rejected: (error) => seen.rejected.push(error),
    failed: (error) => assert.fail(error as Error),
  });
  assert.ok(followed.ok);
  context.after(() => followed.value.close());
  return seen;
}

function fingerprintOf({ cert }: Pair): string {
  return new X509Certificate(cert).fingerprint256;
}

/** The certificate that a new connection is shown. */
function shown(address: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const port = Number(address.split(':')[1]);
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
    resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? 'none');
    socket.destroy();
  });
  socket.on('error', reject);
  return promise;
}

test('a Secret volume is followed: new connections see the new certificate, open ones go on, no request fails', async (context) => {
  const [first, second, third] = await Promise.all([makePair(context), makePair(context), makePair(context)]);
  const volume = new SecretVolume(temporaryDirectory(context), first);
  const { listener, address } = await startListener(context);
  const seen = await follow(context, volume, listener.useCertificate);
  assert.equal(await shown(address), fingerprintOf(first));

  const trusted = [first, second, third].map(({ cert }) => cert).join('\n');
  const agent = agentFor(context, trusted, 4);
  let isDone = false;
  const statuses: number[] = [];
  const reused: boolean[] = [];
  const hammer = async (): Promise<void> => {
    while (!isDone) {
      const answer = await send(agent, address, { body: reviewBody() });
      statuses.push(answer.status);
      reused.push(answer.reused);
    }
  };
  const hammering = Promise.all([hammer(), hammer(), hammer(), hammer()]);
  for (const pair of [second, third]) {
    volume.swap(pair);
    await until('the new certificate is shown', async () => (await shown(address)) === fingerprintOf(pair));
  }
  isDone = true;
  await hammering;
  assert.ok(statuses.length > 8);
  assert.ok(statuses.every((status) => status === 200));
  assert.equal(reused.filter((again) => !again).length, 4, 'no connection was dropped');
  assert.deepEqual(seen.accepted, [first, second, third].map(fingerprintOf));
  assert.deepEqual(seen.rejected, []);
});

test('a pair that does not belong together leaves the one before in use, until there is one that does', async (context) => {
  const [first, second] = await Promise.all([makePair(context), makePair(context)]);
  const volume = new SecretVolume(temporaryDirectory(context), first);
  const { listener, address } = await startListener(context);
  const seen = await follow(context, volume, listener.useCertificate);
  volume.swap({ cert: second.cert, key: first.key });
  await until('the pair is refused', () => seen.rejected.length > 0);
  assert.match(seen.rejected[0] ?? '', /the key belongs to another certificate/);
  assert.equal(await shown(address), fingerprintOf(first));
  volume.swap({ cert: 'broken', key: second.key });
  await until('the next is refused too', () => /it is not PEM/.test(seen.rejected.at(-1) ?? ''));
  assert.equal(await shown(address), fingerprintOf(first));
  volume.swap(second);
  await until('the good one is shown', async () => (await shown(address)) === fingerprintOf(second));
});

test('files that are written in place, one after the other, are followed too', async (context) => {
  const [first, second] = await Promise.all([makePair(context), makePair(context)]);
  const directory = temporaryDirectory(context);
  const write = (pair: Partial<Pair>): void => {
    if (pair.cert !== undefined) writeFileSync(join(directory, 'tls.crt'), pair.cert);
    if (pair.key !== undefined) writeFileSync(join(directory, 'tls.key'), pair.key);
  };
  write(first);
  const { listener, address } = await startListener(context);
  const seen = await follow(context, { directory } as SecretVolume, listener.useCertificate);
  write({ cert: second.cert });
  await until('half of the pair is refused', () => seen.rejected.length > 0);
  write({ key: second.key });
  await until('the whole pair is shown', async () => (await shown(address)) === fingerprintOf(second));
});
