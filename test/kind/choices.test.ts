import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { readChoices, versions } from '../../kind/choices.ts';

const folder = join(import.meta.dirname, '../../kind');

suite('choices', () => {
  test('without a variable, everything is public: images by digest, a repository of charts and a release of Istio', () => {
    const choices = readChoices({});
    assert.match(choices.nodeImage, /^kindest\/node:v1\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
    assert.match(choices.istioCharts, /^https:/);
    assert.match(choices.istioTag, /^1\.\d+\.\d+$/);
    assert.equal(choices.kindConfig, undefined);
    assert.equal(choices.istioValues, undefined);
  });

  test('a variable takes the place of its default, and one that is empty does not', () => {
    const set = readChoices({ ISTIO_TAG: '1.99.0', KIND_CONFIG: '/a.yaml', PILLION_BASE_IMAGE: '', ISTIO_VALUES: '' });
    assert.equal(set.istioTag, '1.99.0');
    assert.equal(set.kindConfig, '/a.yaml');
    assert.equal(set.baseImage, readChoices({}).baseImage);
    assert.equal(set.istioValues, undefined);
  });

  test('every version has an image of that version and a configuration that is there', () => {
    for (const { kubernetes, image, config } of versions) {
      assert.ok(existsSync(join(folder, config)), config);
      const minor = kubernetes === 'old' ? '1.32' : kubernetes; // the last whose gate can be closed
      assert.match(image, new RegExp(`^kindest/node:v${minor.replace('.', '\\.')}\\.\\d+@sha256:[0-9a-f]{64}$`));
    }
  });

  test('a version that is asked for comes with its own image and configuration', () => {
    const { nodeImage, config, kubernetes } = readChoices({}, '1.28');
    assert.match(nodeImage, /:v1\.28\./);
    assert.equal(config, 'cluster-1.28.yaml');
    assert.equal(kubernetes, '1.28');
  });

  test('the old cluster has a node image of its own to set, beside that of the others', () => {
    const environment = { KIND_NODE_IMAGE: 'node:v1.34.4', KIND_NODE_IMAGE_OLD: 'node:v1.32.2' };
    assert.equal(readChoices(environment, 'old').nodeImage, 'node:v1.32.2');
    assert.equal(readChoices(environment).nodeImage, 'node:v1.34.4');
  });

  test('the node image that is set says which version it is, unless one is asked for', () => {
    assert.equal(readChoices({ KIND_NODE_IMAGE: 'mirror.example/node:v1.36.1@sha256:00' }).kubernetes, '1.36');
  });

  test('a node image of another version than the one asked for is refused, not taken in silence', () => {
    assert.throws(
      () => readChoices({ KIND_NODE_IMAGE: 'kindest/node:v1.34.4' }, '1.33'),
      /^Error: Cannot take node image "kindest\/node:v1\.34\.4" for Kubernetes 1\.33: it is of 1\.34; unset KIND_NODE_IMAGE/,
    );
    assert.equal(readChoices({ KIND_NODE_IMAGE: 'own:latest' }, '1.33').nodeImage, 'own:latest');
  });

  test('a version that nobody knows is refused, with those that are known', () => {
    assert.throws(() => readChoices({}, '1.5'), /Cannot take Kubernetes "1\.5": .*known are 1\.35, 1\.34, .*old$/);
  });
});
