import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import type { ManifestDigest } from '../../../src/core/wasm/digests.ts';
import { type Finding, judgeSignatures, keysOf } from '../../../src/core/wasm/signature/signatures.ts';
import { bundleType, judgeBundle } from '../../../src/core/wasm/signature/sigstore-bundle.ts';
import { judgeSimpleSigning, signatureTag } from '../../../src/core/wasm/signature/simple-signing.ts';
import { type PublicKey, readPublicKey } from '../../../src/core/wasm/signature/trusted-key.ts';
import { denial, trustsOf } from '../../../src/core/wasm/signature/trusts.ts';
import type { Trust } from '../../../src/core/wasm/trust.ts';
import { bundleOf, claimOf, curve, encoded, inToto, type Signer, signer, statementOf } from '../../wasm/signed.ts';

const digest: ManifestDigest = 'sha256:9864c3f7c1c2511bb9154bf7077a4dc02173c9581a7733c8f1d4d3c0dd72468b';
const otherDigest = `sha256:${'ab'.repeat(32)}` as const;

/** What cosign 2.6.5 and 3.1.3 wrote for the digest with this key. */
const recorded = {
  pem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUZq4ZaGtNmxL4YIYUfHLWaL68gRV
ZLqAybt3RzlqQXGmPZgnSGXwsnfOvPHeaR0XDqmPSbaT31yeK2gaeJvqsQ==
-----END PUBLIC KEY-----
`,
  payload: `{"critical":{"identity":{"docker-reference":"localhost:5987/team/f"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":null}`,
  signature: 'MEYCIQC+ciFbXYnGJeAAgyyFsLlSKcF5F/vS6XbBJTkacEhP/QIhAKhOjJDqeCBUuPZ3nHvhIHILGgIC731qYiYZKluQJnZQ',
  bundle:
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial":{"publicKey":{"hint":"KNH6OwNeZh4EfNwwPseK530mP9c2ZaDKehZiwwr6MvM="}}, "dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCAic3ViamVjdCI6W3siZGlnZXN0Ijp7InNoYTI1NiI6Ijk4NjRjM2Y3YzFjMjUxMWJiOTE1NGJmNzA3N2E0ZGMwMjE3M2M5NTgxYTc3MzNjOGYxZDRkM2MwZGQ3MjQ2OGIifSwgImFubm90YXRpb25zIjp7fX1dLCAicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwgInByZWRpY2F0ZSI6e319", "payloadType":"application/vnd.in-toto+json", "signatures":[{"sig":"MEYCIQCiTNdOaXZAXF2T9M/nacXkyWVAOs9870dQlpHlqOpqCwIhAPqZCW2zjHQM2oGDFcYmaDPrKRQalU0X/rhDFXR6BuAE"}]}}',
};

const ours = signer('release');
const second = signer('ops');
const stranger = signer('stranger');

function judgeTag(text: string, by: Signer, keys: readonly Signer[] = [ours]): Finding {
  const all = keys.map(({ key }) => key);
  return judgeSimpleSigning(Buffer.from(text), by.sign(text), digest, all);
}

function whyOf(finding: Finding): string {
  return finding.kind === 'invalid' ? finding.why : finding.kind;
}

describe('The tag form', () => {
  test('a signature that cosign 2 wrote counts for its key, and for no other image', () => {
    const key = keyOf(recorded.pem);
    const payload = Buffer.from(recorded.payload);
    assert.deepEqual(judgeSimpleSigning(payload, recorded.signature, digest, [key]), {
      kind: 'signed',
      form: 'tag',
      fingerprint: key.fingerprint,
    });
    assert.equal(whyOf(judgeSimpleSigning(payload, recorded.signature, otherDigest, [key])), 'is of another image');
  });

  test('one byte more in the signed text makes it a signature of nobody', () => {
    const payload = Buffer.from(`${recorded.payload} `);
    assert.equal(judgeSimpleSigning(payload, recorded.signature, digest, [keyOf(recorded.pem)]).kind, 'unknown');
  });

  test('a key that is not trusted is unknown', () => {
    assert.equal(judgeTag(claimOf(digest), stranger).kind, 'unknown');
    assert.equal(judgeTag(claimOf(digest), stranger, [ours, stranger]).kind, 'signed');
  });

  test('a text with two keys that differ by case says nothing, although a trusted key signed it', () => {
    const twice = `"image":{"docker-manifest-digest":"${digest}","Docker-manifest-digest":"${otherDigest}"}`;
    assert.equal(whyOf(judgeTag(claimOf(digest, twice), ours)), 'is of a text that is no unambiguous claim');
    const two = `"image":{"docker-manifest-digest":"${digest}"},"Image":{"docker-manifest-digest":"${otherDigest}"}`;
    assert.equal(whyOf(judgeTag(claimOf(digest, two), ours)), 'is of a text that is no unambiguous claim');
  });

  test('the key of the digest is read whatever its case, as other readers do', () => {
    assert.equal(judgeTag(claimOf(digest, `"image":{"Docker-Manifest-Digest":"${digest}"}`), ours).kind, 'signed');
  });

  test('a text that is too long, too deep or a list says nothing, although a trusted key signed it', () => {
    const padded = claimOf(digest).replace('{', `{"pad":"${' '.repeat(1024 * 1024)}",`);
    const deep = claimOf(digest).replace('{', `{"pad":${'['.repeat(32)}${']'.repeat(32)},`);
    for (const text of [padded, deep, `[${claimOf(digest)}]`])
      assert.equal(whyOf(judgeTag(text, ours)), 'is of a text that is no unambiguous claim');
  });

  test('a claim of another type, a text that is no JSON and an empty signature count for nobody', () => {
    const otherType = claimOf(digest).replace('cosign container image signature', 'something else');
    assert.deepEqual(judgeTag(otherType, ours), {
      kind: 'invalid',
      form: 'tag',
      why: 'is of a claim of another type',
    });
    assert.equal(whyOf(judgeTag('[]', ours)), 'is of a text that is no unambiguous claim');
    assert.equal(whyOf(judgeTag('{', ours)), 'is of a text that is no unambiguous claim');
    for (const signature of [undefined, '', '***', 'AAA', '*AAA', 'AAA\n', 'A===']) {
      const found = judgeSimpleSigning(Buffer.from(claimOf(digest)), signature, digest, [ours.key]);
      assert.deepEqual(found, { kind: 'invalid', form: 'tag', why: 'is no base64 text' });
    }
  });

  test('a signature that is base64 and no signature is one of nobody, and stops nothing', () => {
    for (const bytes of [Buffer.alloc(1), Buffer.alloc(70, 0xff), Buffer.alloc(5000)]) {
      const found = judgeSimpleSigning(Buffer.from(claimOf(digest)), bytes.toString('base64'), digest, [ours.key]);
      assert.equal(found.kind, 'unknown');
    }
  });

  test('it is looked for under the tag that cosign gives it', () => {
    assert.equal(signatureTag(otherDigest), `sha256-${'ab'.repeat(32)}.sig`);
  });
});

describe('The bundle form', () => {
  const judge = (bundle: Uint8Array, keys: readonly Signer[] = [ours]) =>
    judgeBundle(
      bundle,
      digest,
      keys.map(({ key }) => key),
    );

  test('a bundle that cosign 3 wrote counts for its key, and for no other image', () => {
    const key = keyOf(recorded.pem);
    const bundle = Buffer.from(recorded.bundle);
    const expected = { kind: 'signed', form: 'bundle', fingerprint: key.fingerprint };
    assert.deepEqual(judgeBundle(bundle, digest, [key]), expected);
    assert.equal(whyOf(judgeBundle(bundle, otherDigest, [key])), 'is of another image');
    assert.equal(judgeBundle(bundle, digest, [ours.key]).kind, 'unknown');
  });

  test('a statement that was altered names its key and is invalid', () => {
    const statement = statementOf(digest);
    const altered = bundleOf(ours, statement, { signed: encoded(inToto, statementOf(digest, { subject: [] })) });
    assert.deepEqual(judge(altered), { kind: 'invalid', form: 'bundle', why: 'names key "release" and was altered' });
  });

  test('a signature of the statement alone, without type and lengths before it, counts for nobody', () => {
    const statement = statementOf(digest);
    assert.equal(judge(bundleOf(ours, statement)).kind, 'signed');
    assert.equal(judge(bundleOf(ours, statement, { signed: statement })).kind, 'invalid');
    const shorter = `DSSEv1 ${inToto.length} ${inToto} ${statement.length - 1} ${statement}`;
    assert.equal(judge(bundleOf(ours, statement, { signed: shorter })).kind, 'invalid');
  });

  test('one of several subjects may be the image', () => {
    const other = { digest: { sha256: 'ab'.repeat(32) } };
    const both = [other, { digest: { sha256: digest.slice('sha256:'.length) } }];
    assert.equal(judge(bundleOf(ours, statementOf(digest, { subject: both }))).kind, 'signed');
    const foreign = judge(bundleOf(ours, statementOf(digest, { subject: [other] })));
    assert.deepEqual(foreign, { kind: 'invalid', form: 'bundle', why: 'is of another image' });
    for (const subject of ['x', undefined, {}, [null], [{}], [{ digest: null }], [{ digest: digest }]])
      assert.equal(whyOf(judge(bundleOf(ours, statementOf(digest, { subject })))), 'is of another image');
  });

  test('an attestation by a trusted key is no signature', () => {
    const attestation = statementOf(digest, { predicateType: 'https://slsa.dev/provenance/v1' });
    assert.equal(judge(bundleOf(ours, attestation)).kind, 'other');
  });

  test('other versions, other payloads, no envelope and several signatures count for nobody', () => {
    const statement = statementOf(digest);
    const old = bundleOf(ours, statement, { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' });
    assert.deepEqual(judge(old), { kind: 'invalid', form: 'bundle', why: 'is no bundle of version 0.3' });
    assert.equal(
      whyOf(judge(bundleOf(ours, statement, { payloadType: 'text/plain' }))),
      'is of a text that is no in-toto statement',
    );
    const bare = Buffer.from(JSON.stringify({ mediaType: bundleType }));
    assert.equal(whyOf(judge(bare)), 'has no DSSE envelope');
    const doubled = bundleOf(ours, statement).toString().replace('"signatures":[', '"signatures":[{"sig":"AAAA"},');
    assert.equal(whyOf(judge(Buffer.from(doubled))), 'is not one envelope with one signature');
    const twice = Buffer.from(bundleOf(ours, statement).toString().replace('{', `{"MediaType":"${bundleType}",`));
    assert.equal(whyOf(judge(twice)), 'is no bundle of version 0.3');
  });

  test('a statement of another version, signed or not, is none', () => {
    const old = statementOf(digest, { _type: 'https://in-toto.io/Statement/v0.1' });
    assert.equal(whyOf(judge(bundleOf(ours, old))), 'is of a text that is no unambiguous in-toto statement');
  });
});

describe('A key', () => {
  for (const [name, pair] of [
    ['P-384', curve('P-384')],
    ['P-521', curve('P-521')],
    ['RSA of 2048 bits', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ] as const) {
    test(`of kind ${name} can be used`, () => {
      const one = signer('key', pair);
      assert.equal(judgeTag(claimOf(digest), one, [one]).kind, 'signed');
      assert.equal(judgeTag(claimOf(digest), ours, [one]).kind, 'unknown');
    });
  }

  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
  /** A public key alone, of which nobody needs to know the private one. */
  const rsaOf = (bits: number, exponent = 65_537): KeyObject => {
    const n = Buffer.alloc(bits / 8, 0xff).toString('base64url');
    const e = Buffer.from(exponent.toString(16).padStart(6, '0'), 'hex').toString('base64url');
    return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  };

  test('of RSA can be used from 2048 to 4096 bits', () => {
    for (const bits of [2048, 4096]) assert.ok(readPublicKey({ name: 'mine', pem: pem(rsaOf(bits)) }).ok);
  });

  test('of another kind, too short, private or broken is refused by its name and never shown', () => {
    const ed25519 = pem(generateKeyPairSync('ed25519').publicKey);
    const short = pem(rsaOf(2040));
    const secret = curve('P-256').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const broken = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n';
    const long = pem(rsaOf(4104));
    const slow = pem(rsaOf(2048, 65_539));
    const bitcoin = pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey);
    for (const text of [ed25519, short, long, slow, bitcoin, secret, broken, '']) {
      const read = readPublicKey({ name: 'mine', pem: text });
      assert.ok(!read.ok && read.error.reason === 'InvalidSpec', text);
      assert.match(read.error.message, /the key "mine"/);
      assert.doesNotMatch(read.error.message, /BEGIN|MII|AAAA/);
    }
  });

  test('has the fingerprint that cosign writes as hint', () => {
    assert.equal(keyOf(recorded.pem).fingerprint, 'KNH6OwNeZh4EfNwwPseK530mP9c2ZaDKehZiwwr6MvM=');
  });
});

describe('A verdict', () => {
  const image = 'oci://registry.example.com/team/hello@sha256:…';
  const signedBy = ({ key }: Signer, form: 'tag' | 'bundle' = 'tag'): Finding => ({
    kind: 'signed',
    form,
    fingerprint: key.fingerprint,
  });
  const unknown: Finding = { kind: 'unknown', form: 'tag' };

  function trust(keys: readonly Signer[], threshold = 1, mode: Trust['mode'] = 'enforce'): Trust {
    return { mode, keys: keys.map(({ trusted }) => trusted), threshold };
  }

  function judge(trusts: readonly Trust[], findings: readonly Finding[]) {
    const keys = keysOf(trusts);
    assert.ok(keys.ok);
    return judgeSignatures(image, trusts, keys.value, findings);
  }

  function refusedAs(trusts: readonly Trust[], findings: readonly Finding[]): string {
    const verdict = judge(trusts, findings);
    return verdict.ok ? 'accepted' : `${verdict.error.reason}: ${verdict.error.message}`;
  }

  test('names who signed, in which form, each once', () => {
    const verdict = judge([trust([ours])], [signedBy(ours), signedBy(ours), signedBy(ours, 'bundle'), unknown]);
    assert.deepEqual(verdict.ok && verdict.value, {
      signedBy: [
        { key: 'release', form: 'tag' },
        { key: 'release', form: 'bundle' },
      ],
    });
  });

  test('with two keys wanted, two signatures by one key are one, whatever its names and forms', () => {
    const renamed = { ...ours, trusted: { ...ours.trusted, name: 'renamed' } };
    const twice = [signedBy(ours), signedBy(ours, 'bundle')];
    assert.match(
      refusedAs([trust([ours, second], 2)], twice),
      /^KeyUnknown: .* it is signed by "release" alone; 2 of the keys "release", "ops" have to have signed$/,
    );
    assert.match(
      refusedAs([trust([ours, renamed], 2)], twice),
      /^KeyUnknown: .* it is signed by "release" alone; 2 of the keys "release" have to have signed$/,
    );
    assert.equal(refusedAs([trust([ours, second], 2)], [signedBy(ours), signedBy(second, 'bundle')]), 'accepted');
  });

  test('every trust has to hold with its own keys', () => {
    const both = [trust([ours]), trust([second])];
    assert.match(
      refusedAs(both, [signedBy(ours)]),
      /^KeyUnknown: .* it is signed by keys that count elsewhere, and by none that counts here; key "ops" has to have signed$/,
    );
    assert.equal(refusedAs(both, [signedBy(ours), signedBy(second)]), 'accepted');
  });

  test('tells a missing signature, one by a stranger and an invalid one apart', () => {
    const one = [trust([ours])];
    assert.match(
      refusedAs(one, []),
      /^SignatureMissing: Cannot trust oci:.*: it has no signature, neither in tag form/,
    );
    assert.match(refusedAs(one, [{ kind: 'other', form: 'bundle' }]), /^SignatureMissing: .*, only attestations/);
    assert.match(refusedAs(one, [unknown]), /^KeyUnknown: .* a signature in tag form fits none of the trusted keys/);
    const invalid: Finding = { kind: 'invalid', form: 'bundle', why: 'is of another image' };
    assert.match(
      refusedAs(one, [invalid]),
      /^SignatureInvalid: .* a signature in bundle form is of another image; key/,
    );
    assert.match(refusedAs(one, [invalid, unknown]), /^SignatureInvalid: /);
  });

  test('names every key that signed in the same form', () => {
    const verdict = judge([trust([ours, second])], [signedBy(ours), signedBy(second)]);
    assert.deepEqual(verdict.ok && verdict.value.signedBy.map(({ key }) => key), ['release', 'ops']);
  });

  test('is refused where one of the keys cannot be read, also where another one signed', () => {
    const broken = { name: 'mine', pem: 'no key' };
    const keys = keysOf([trust([ours]), { mode: 'warn', keys: [broken], threshold: 1 }]);
    assert.equal(keys.ok ? undefined : keys.error.reason, 'InvalidSpec');
  });

  test('what does not look neither refuses nor warns', () => {
    const verdict = judge([trust([ours], 1, 'off')], [unknown]);
    assert.deepEqual(verdict.ok && verdict.value, { signedBy: [] });
  });

  test('says how many of the trusted keys are wanted', () => {
    assert.match(refusedAs([trust([ours, second])], []), /; 1 of the keys "release", "ops" has to have signed$/);
    assert.match(refusedAs([trust([ours])], []), /; key "release" has to have signed$/);
  });

  test('an invalid signature besides a valid one does no harm', () => {
    const invalid: Finding = { kind: 'invalid', form: 'tag', why: 'is no base64 text' };
    assert.equal(refusedAs([trust([ours])], [invalid, signedBy(ours)]), 'accepted');
  });

  test('without keys nothing is trusted', () => {
    assert.match(refusedAs([trust([])], [unknown]), /^KeyUnknown: .*; no key is trusted$/);
    assert.match(refusedAs([trust([], 0)], []), /^SignatureMissing: /);
  });

  test('what warns tells the same and refuses nothing', () => {
    const verdict = judge([trust([ours], 1, 'warn')], [unknown]);
    assert.ok(verdict.ok);
    assert.match(verdict.value.warning ?? '', /^KeyUnknown: Cannot trust /);
    assert.match(refusedAs([trust([ours], 1, 'warn'), trust([second])], [unknown]), /^KeyUnknown: .*"ops" has to/);
  });
});

describe('What is asked of an image', () => {
  const key = ours.trusted;
  const cluster = { signatures: 'enforce', keys: [key], threshold: 1 } as const;

  test('the cluster and the extension each have to be satisfied, and the extension cannot ask for less', () => {
    const own: Trust = { mode: 'warn', keys: [second.trusted], threshold: 1 };
    assert.deepEqual(trustsOf(cluster, own), [{ mode: 'enforce', keys: [key], threshold: 1 }, own]);
    assert.equal(trustsOf(cluster, { mode: 'off', keys: [], threshold: 1 }).length, 1);
    assert.deepEqual(trustsOf({ ...cluster, signatures: 'off' }, own), [own]);
    assert.deepEqual(trustsOf({ ...cluster, signatures: 'off' }), []);
  });

  test('an extension without keys of its own means those of the cluster, also where the cluster does not look', () => {
    const own = { mode: 'enforce', keys: [], threshold: 2 } as const;
    const keys = [{ name: 'of the cluster', pem: '' }];
    assert.deepEqual(trustsOf({ signatures: 'off', keys, threshold: 1 }, own), [
      { mode: 'enforce', keys, threshold: 2 },
    ]);
    assert.deepEqual(trustsOf({ signatures: 'off', keys: [], threshold: 1 }, own), [own]);
  });

  test('a digest on the list is denied, whichever of the digests it is', () => {
    const wasm = { deniedDigests: [digest] };
    assert.equal(denial(wasm, [undefined, otherDigest]), undefined);
    const refused = denial(wasm, [otherDigest, undefined, digest]);
    assert.equal(refused?.reason, 'DigestDenied');
    assert.ok(refused.message.includes(digest));
  });
});

function keyOf(pem: string): PublicKey {
  const key = readPublicKey({ name: createHash('sha256').update(pem).digest('hex').slice(0, 6), pem });
  if (!key.ok) throw new Error(key.error.message);
  return key.value;
}
