// Answers: is a pair of files judged rightly, and is a certificate of our own making one that Kubernetes accepts.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { generate } from 'selfsigned';
import { provideSelfSigned } from '../../src/edge/self-signed.ts';
import { type CertificateFiles, loadCertificate } from '../../src/edge/tls.ts';
import { temporaryDirectory, textOf } from './loopback.ts';

const dayMs = 24 * 3_600_000;
const now = new Date('2026-06-01T00:00:00Z');

function later(days: number): Date {
  return new Date(now.getTime() + days * dayMs);
}

async function provide(directory: string, when = now): Promise<CertificateFiles> {
  const files = await provideSelfSigned(directory, when);
  assert.ok(files.ok, files.ok ? '' : files.error);
  return files.value;
}

test('a self-signed certificate is ECDSA P-256 with SHA-256, has begun, and names service and loopback', async (context) => {
  const directory = join(temporaryDirectory(context), 'made', 'on', 'the', 'way');
  const files = await provide(directory);
  const certificate = new X509Certificate(textOf(directory, 'tls.crt'));
  assert.deepEqual(certificate.publicKey.asymmetricKeyDetails, { namedCurve: 'prime256v1' });
  assert.match(certificate.toLegacyObject().asn1Curve ?? '', /prime256v1/);
  assert.ok(new Date(certificate.validFrom) < now, 'clocks may differ');
  assert.ok(certificate.verify(certificate.publicKey));
  for (const name of ['localhost', 'pillion.pillion-system.svc']) assert.equal(certificate.checkHost(name), name);
  for (const address of ['127.0.0.1', '::1']) assert.equal(certificate.checkIP(address), address);
  assert.equal(certificate.checkHost('example.com'), undefined);
  assert.equal(textOf(directory, 'ca.crt'), textOf(directory, 'tls.crt'));
  assert.equal(statSync(files.key).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(directory).sort(), ['ca.crt', 'tls.crt', 'tls.key'], 'nothing else is left');
  assert.ok((await loadCertificate(files, now)).ok);
});

test('a self-signed certificate is used again while it lasts, and then replaced', async (context) => {
  const directory = temporaryDirectory(context);
  await provide(directory);
  const first = textOf(directory, 'tls.crt');
  await provide(directory, later(300));
  assert.equal(textOf(directory, 'tls.crt'), first);
  const files = await provide(directory, later(340));
  assert.notEqual(textOf(directory, 'tls.crt'), first);
  assert.ok((await loadCertificate(files, later(340 + 300))).ok);
  assert.equal(statSync(files.key).mode & 0o777, 0o600);
});

test('a self-signed certificate whose key is lost or another is replaced', async (context) => {
  const [directory, other] = [temporaryDirectory(context), temporaryDirectory(context)];
  await provide(directory);
  await provide(other);
  copyFileSync(join(other, 'tls.key'), join(directory, 'tls.key'));
  assert.ok((await loadCertificate(await provide(directory), now)).ok);
});

test('files that are not ours are not overwritten', async (context) => {
  const foreign = await generate([{ name: 'commonName', value: 'example.com' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  });
  for (const [file, text] of Object.entries({ 'tls.crt': foreign.cert, 'tls.key': foreign.private })) {
    const directory = temporaryDirectory(context);
    writeFileSync(join(directory, file), text);
    const files = await provideSelfSigned(directory, now);
    assert.ok(!files.ok);
    assert.match(files.error, /^Cannot make a certificate in ".+": ".+" is not one that pillion made; name another/);
    assert.deepEqual(readdirSync(directory), [file]);
    assert.equal(textOf(directory, file), text);
  }
});

test('a directory that cannot be written is named', async (context) => {
  const directory = temporaryDirectory(context);
  writeFileSync(join(directory, 'file'), '');
  const files = await provideSelfSigned(join(directory, 'file', 'below'), now);
  assert.ok(!files.ok);
  assert.match(files.error, /^Cannot make a certificate in ".+": .+; name a directory that can be written$/);
});

interface Pair {
  readonly cert?: string;
  readonly key?: string;
}

async function pairs(): Promise<readonly (readonly [what: string, pair: Pair, error: RegExp])[]> {
  const name = [{ name: 'commonName', value: 'example.com' }];
  const [one, two] = await Promise.all([generate(name, { keyType: 'ec' }), generate(name, { keyType: 'ec' })]);
  const old = await generate(name, { keyType: 'ec', notBeforeDate: later(-20), notAfterDate: later(-10) });
  const locked = await generate(name, { keyType: 'ec', passphrase: 'x' });
  return [
    ['no certificate', { key: one.private }, /^Cannot read ".+tls.crt": ENOENT; name a PEM file that can be read$/],
    ['no key', { cert: one.cert }, /^Cannot read ".+tls.key": ENOENT; /],
    [
      'a certificate that is none',
      { cert: 'x', key: one.private },
      /^Cannot use the certificate ".+tls.crt": it is not PEM/,
    ],
    [
      'a key that is none',
      { cert: one.cert, key: `${one.private.slice(0, 80)}` },
      /^Cannot use the key ".+tls.key": it is not PEM/,
    ],
    ['a key with a passphrase', { cert: locked.cert, key: locked.private }, /it is not PEM, or encrypted/],
    ['the key of another certificate', { cert: one.cert, key: two.private }, /the key belongs to another certificate/],
    [
      'an expired certificate',
      { cert: old.cert, key: old.private },
      /it expired on 2026-05-22T00:00:00.000Z; renew it$/,
    ],
  ];
}

suite('a pair that cannot be used is refused in one line that holds nothing of the key', async () => {
  for (const [what, pair, message] of await pairs()) {
    test(what, async (context) => {
      const directory = temporaryDirectory(context);
      mkdirSync(directory, { recursive: true });
      const files = { cert: join(directory, 'tls.crt'), key: join(directory, 'tls.key') };
      if (pair.cert !== undefined) writeFileSync(files.cert, pair.cert);
      if (pair.key !== undefined) writeFileSync(files.key, pair.key);
      const loaded = await loadCertificate(files, now);
      assert.ok(!loaded.ok);
      assert.match(loaded.error, message);
      assert.ok(!loaded.error.includes('\n'));
      const secrets = (pair.key ?? '').split('\n').filter((line) => line.length > 20 && !line.startsWith('-'));
      for (const secret of secrets) assert.ok(!loaded.error.includes(secret));
    });
  }
});
