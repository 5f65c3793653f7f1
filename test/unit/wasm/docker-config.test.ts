// Answers: does a pull secret give the credentials that the kubelet would use, and no others.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import {
  type Credential,
  type Credentials,
  credentialFor,
  readDockerConfig,
  readPullSecret,
} from '../../../src/core/wasm/image/docker-config.ts';
import type { ImageReference } from '../../../src/core/wasm/source.ts';

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function secret(type: string, data: Readonly<Record<string, string>>): KubeObject {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'regcred', namespace: 'shop' }, type, data: encoded };
}

function credentialsOf(auths: Readonly<Record<string, unknown>>): Credentials {
  const read = readDockerConfig(JSON.stringify({ auths }));
  assert.ok(read.ok);
  return read.value;
}

function image(text: string): ImageReference {
  const slash = text.indexOf('/');
  return { registry: text.slice(0, slash), repository: text.slice(slash + 1), tag: '1' };
}

const pair: Credential = { kind: 'password', username: 'reader', password: 'a:b' };

suite('what an entry holds', () => {
  const cases: readonly (readonly [what: string, auth: Readonly<Record<string, unknown>>, expected: Credential])[] = [
    ['auth, split at the first colon', { auth: base64('reader:a:b') }, pair],
    ['auth, padded with NUL', { auth: base64('reader:a:b\0\0') }, pair],
    ['auth without the padding of base64', { auth: base64('reader:a:b').replace(/=+$/, '') }, pair],
    ['user name and password', { username: 'reader', password: 'a:b', email: 'x' }, pair],
    ['auth before user name and password', { auth: base64('reader:a:b'), username: 'x', password: 'y' }, pair],
    ['an empty password', { auth: base64('reader:') }, { ...pair, password: '' }],
    ['text of any language', { auth: base64('reader:пароль') }, { ...pair, password: 'пароль' }],
    [
      'an identity token before all else',
      { auth: base64('reader:a:b'), identitytoken: 'refresh' },
      { kind: 'identity-token', token: 'refresh' },
    ],
    ['a token of the registry', { registrytoken: 'ready' }, { kind: 'registry-token', token: 'ready' }],
  ];
  for (const [what, auth, expected] of cases) {
    test(`is read: ${what}`, () => {
      const credentials = credentialsOf({ 'registry.example.com': auth });
      assert.deepEqual(credentialFor(credentials, image('registry.example.com/team/filter')), expected);
      assert.deepEqual(credentials.warnings, []);
    });
  }

  for (const [what, auth] of [
    ['nothing', {}],
    ['no text', { auth: 17 }],
    ['no base64', { auth: 'not base64!' }],
    ['text behind base64', { auth: `${base64('reader:a:b')}!` }],
    ['an empty user name', { username: '', password: 'a:b' }],
    ['no colon', { auth: base64('reader') }],
    ['no user name', { auth: base64(':word') }],
    ['a user name alone', { username: 'reader' }],
    ['a token that would write headers', { identitytoken: 'a\r\nX: 1' }],
    ['a list', []],
  ] as const) {
    test(`is left out with a warning: ${what}`, () => {
      const { entries, warnings } = credentialsOf({ 'registry.example.com': auth });
      assert.deepEqual(entries, []);
      assert.match(warnings.join('\n'), /^Cannot use the credentials for "registry\.example\.com": they hold none of/);
    });
  }
});

suite('an entry is for an image', () => {
  const cases: readonly (readonly [key: string, image: string, isFor: boolean])[] = [
    ['registry.example.com', 'registry.example.com/team/filter', true],
    ['https://registry.example.com', 'registry.example.com/team/filter', true],
    ['http://registry.example.com/', 'registry.example.com/team/filter', true],
    ['https://registry.example.com/v2/', 'registry.example.com/team/filter', true],
    ['REGISTRY.example.com', 'registry.example.com/team/filter', true],
    ['example.com', 'registry.example.com/team/filter', false],
    ['registry.example.com', 'registry.example.com.evil.org/team/filter', false],
    ['registry.example.com:5000', 'registry.example.com:5000/team/filter', true],
    ['registry.example.com', 'registry.example.com:5000/team/filter', false],
    ['registry.example.com:5000', 'registry.example.com/team/filter', false],
    ['registry.example.com/team', 'registry.example.com/team/filter', true],
    ['registry.example.com/v1/team', 'registry.example.com/team/filter', true],
    ['registry.example.com/other', 'registry.example.com/team/filter', false],
    ['registry.example.com/team/filter/more', 'registry.example.com/team/filter', false],
    ['*.example.com', 'registry.example.com/team/filter', true],
    ['*.example.com', 'eu.registry.example.com/team/filter', false],
    ['*.*.example.com', 'eu.registry.example.com/team/filter', true],
    ['reg*y.example.*', 'registry.example.com/team/filter', true],
    ['r*g*s*y.example.com', 'registry.example.com/team/filter', true],
    ['rr*y.example.com', 'registry.example.com/team/filter', false],
    ['registry*registry.example.com', 'registry.example.com/team/filter', false],
    ['*.com', 'registry.example.com/team/filter', false],
    ['[::1]:5000', '[::1]:5000/team/filter', true],
    ['https://index.docker.io/v1/', 'docker.io/library/filter', true],
    ['docker.io', 'docker.io/library/filter', true],
    ['registry-1.docker.io', 'docker.io/library/filter', true],
    ['index.docker.io', 'registry-1.docker.io/library/filter', true],
  ];
  for (const [key, name, isFor] of cases) {
    test(`${key} ${isFor ? 'is' : 'is not'} for ${name}`, () => {
      const found = credentialFor(credentialsOf({ [key]: { auth: base64('reader:a:b') } }), image(name));
      assert.deepEqual(found, isFor ? pair : undefined);
    });
  }

  test('the closest one: a longer path before a shorter one, a name before a pattern', () => {
    const named = (username: string) => ({ username, password: '' });
    const credentials = credentialsOf({
      '*.example.com/team/filter': named('pattern'),
      'registry.example.com': named('host'),
      'registry.example.com/team': named('team'),
      'registry.example.com/team/filter': named('filter'),
      '*.example.com': named('any'),
    });
    const userFor = (name: string) => {
      const found = credentialFor(credentials, image(name));
      return found?.kind === 'password' ? found.username : undefined;
    };
    assert.equal(userFor('registry.example.com/team/filter'), 'filter');
    assert.equal(userFor('registry.example.com/team/other'), 'team');
    assert.equal(userFor('registry.example.com/else'), 'host');
    assert.equal(userFor('mirror.example.com/team/filter'), 'pattern');
    assert.equal(userFor('mirror.example.com/else'), 'any');
    assert.equal(userFor('example.com/else'), undefined);
  });

  test('no credentials at all are for no image', () => {
    assert.equal(credentialFor(undefined, image('a.example/b')), undefined);
  });
});

suite('a pull secret', () => {
  const auths = { 'registry.example.com': { auth: base64('reader:a:b') } };
  for (const [type, key, content] of [
    ['kubernetes.io/dockerconfigjson', '.dockerconfigjson', { auths }],
    ['kubernetes.io/dockercfg', '.dockercfg', auths],
  ] as const) {
    test(`of type ${type} is read`, () => {
      const read = readPullSecret(secret(type, { [key]: JSON.stringify(content) }));
      assert.ok(read.ok);
      assert.deepEqual(credentialFor(read.value, image('registry.example.com/a')), pair);
    });
  }

  test('with helpers is read without them, and says so', () => {
    const content = { auths, credHelpers: { 'a.example': 'gcloud' }, credsStore: 'desktop' };
    const read = readPullSecret(
      secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': JSON.stringify(content) }),
    );
    assert.ok(read.ok);
    assert.equal(read.value.entries.length, 1);
    assert.equal(read.value.warnings.length, 2);
    assert.match(read.value.warnings[0] ?? '', /^Cannot use "credHelpers" of the credentials: helpers are programs/);
  });

  const refused: readonly (readonly [what: string, secret: KubeObject, message: RegExp])[] = [
    ['of another type', secret('Opaque', { '.dockerconfigjson': '{}' }), /of type "Opaque", taken are kubernetes\.io/],
    ['without its key', secret('kubernetes.io/dockercfg', { a: '{}' }), /no data under "\.dockercfg"/],
    ['that is no JSON', secret('kubernetes.io/dockercfg', { '.dockercfg': 'word=secret' }), /no JSON object of docker/],
    ['that is a list', secret('kubernetes.io/dockercfg', { '.dockercfg': '[]' }), /no JSON object of docker/],
    [
      'that is too large',
      secret('kubernetes.io/dockercfg', { '.dockercfg': ' '.repeat(3_000_000) }),
      /it is too large/,
    ],
    [
      'with too many registries',
      secret('kubernetes.io/dockerconfigjson', {
        '.dockerconfigjson': JSON.stringify({
          auths: Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`r${at}`, { auth: base64('a:b') }])),
        }),
      }),
      /more than 1000 registries/,
    ],
  ];
  for (const [what, object, message] of refused) {
    test(`${what} is refused, without its content`, () => {
      const read = readPullSecret(object);
      assert.ok(!read.ok);
      assert.equal(read.error.reason, 'PullSecretUnreadable');
      assert.match(read.error.message, /^Cannot use the secret "regcred": /);
      assert.match(read.error.message, message);
      assert.doesNotMatch(read.error.message, /word=secret/);
    });
  }

  test('a key that is no registry is left out, and user information in it is not shown', () => {
    const { entries, warnings } = credentialsOf({
      'https://user:word@registry.example.com': { auth: base64('a:b') },
      'two words': { auth: base64('a:b') },
    });
    assert.deepEqual(entries, []);
    assert.match(warnings.join('\n'), /a key with user information.*\n.*"two words": the key is no registry/);
    assert.doesNotMatch(warnings.join('\n'), /word@/);
  });

  test('a pattern of many stars takes no time', () => {
    const credentials = credentialsOf({ [`${'*a'.repeat(100)}.example.com`]: { auth: base64('a:b') } });
    const began = performance.now();
    assert.equal(credentialFor(credentials, image(`${'a'.repeat(99)}b.example.com/x`)), undefined);
    // a busy machine takes no second for it, and a pattern that goes back and forth takes years
    assert.ok(performance.now() - began < 2_000);
  });
});
