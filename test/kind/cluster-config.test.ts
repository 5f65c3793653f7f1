import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { configText, mergeConfig } from '../../kind/cluster-config.ts';

suite("the configuration for kind, with a machine's own merged over it", () => {
  test('maps are merged deep, and what is merged over wins', () => {
    assert.deepEqual(
      mergeConfig(
        { featureGates: { A: false, B: true }, networking: { ipFamily: 'ipv4' } },
        { featureGates: { B: false, C: true }, networking: { disableDefaultCNI: true } },
      ),
      { featureGates: { A: false, B: false, C: true }, networking: { ipFamily: 'ipv4', disableDefaultCNI: true } },
    );
  });

  for (const key of ['kubeadmConfigPatches', 'containerdConfigPatches', 'kubeadmConfigPatchesJSON6902']) {
    test(`${key} of both are there, those of the project first`, () => {
      assert.deepEqual(mergeConfig({ [key]: ['ours'] }, { [key]: ['theirs'] }), { [key]: ['ours', 'theirs'] });
    });
  }

  test('another list takes the place of the one that was there', () => {
    assert.deepEqual(mergeConfig({ nodes: [{ role: 'a' }] }, { nodes: [{ role: 'b' }] }), { nodes: [{ role: 'b' }] });
  });

  test('the gate of the old cluster stays closed under a configuration that sets another gate', (t: TestContext) => {
    const file = join(temporary(t), 'over.yaml');
    writeFileSync(file, 'featureGates: {ImageVolume: true}\nkubeadmConfigPatches: ["kind: KubeletConfiguration"]\n');
    const { featureGates, kubeadmConfigPatches, kind } = parse(configText('cluster-old.yaml', file));
    assert.deepEqual(featureGates, { SidecarContainers: false, ImageVolume: true });
    assert.deepEqual(kubeadmConfigPatches, ['kind: KubeletConfiguration']);
    assert.equal(kind, 'Cluster');
  });

  test('a file that is no mapping is named', (t: TestContext) => {
    const file = join(temporary(t), 'list.yaml');
    writeFileSync(file, '- a\n');
    assert.throws(() => configText('cluster.yaml', file), new RegExp(`Cannot read "${file}": it is no mapping`));
  });
});

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pillion-kind-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
