// Does `pillion doctor` find what is wrong: against a real API server, with a webhook that really answers, each fault is
// made and named, and gone again when it is mended.
// Does not belong here: what the checks say about values (../unit/doctor).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { askDoctor, installInto, renewLease } from './doctor-cluster.ts';
import { clusterFaults } from './doctor-cluster-faults.ts';
import { webhookFaults } from './doctor-webhook-faults.ts';

test('the doctor', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context);
  await findsNothingInstalled(context, plane);
  const installed = await installInto(context, plane);
  await context.test('finds nothing in a cluster where all is well, and ends with 0', async () => {
    const said = await askDoctor(plane.kubeconfig);
    assert.deepEqual(said.findings, [], said.all);
    assert.deepEqual(said.unchecked, [], said.all);
    assert.equal(said.exitCode, 0);
  });
  for (const [title, fault] of [...webhookFaults, ...clusterFaults]) {
    await context.test(title, (inner) => fault({ context: inner, plane, installed }));
    // what each fault changed is put back, so that the next one is found alone
    await until('all is well again', async () => {
      await renewLease(plane);
      return (await askDoctor(plane.kubeconfig)).exitCode === 0;
    });
  }
});

async function findsNothingInstalled(context: TestContext, plane: ControlPlane): Promise<void> {
  await context.test('says that nothing is installed, and nothing of what would follow from that', async () => {
    const { findings, unchecked, exitCode } = await askDoctor(plane.kubeconfig);
    assert.deepEqual(findings, ['not-installed', 'settings-unreadable', 'settings-unreadable']);
    assert.ok(unchecked.includes('registration') && unchecked.includes('webhook'), String(unchecked));
    assert.equal(exitCode, 1);
  });
}
