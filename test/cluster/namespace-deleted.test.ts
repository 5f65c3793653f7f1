// What becomes of the registration when somebody deletes our namespace and knows of no uninstallation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noTrust } from '../../src/core/certificates/trust.ts';
import { fieldManagers, names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { planUpkeep } from '../../src/core/upkeep.ts';
import { issueAuthority } from '../../src/edge/issue-certificate.ts';
import { assets } from './assets.ts';
import { startControlPlane, until } from './control-plane.ts';
import { makeNamespace } from './webhook.ts';

test('whoever deletes our namespace takes registration and guard away too', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context, { controllers: true });
  const { kube } = plane;
  await makeNamespace(plane, ownNamespace);
  const options = readOptions({ certificates: { source: 'external' } });
  assert.ok(options.ok);
  const now = new Date();
  const { cert } = await issueAuthority({ now, notAfter: new Date(now.getTime() + 3_600_000) });
  const data = { 'ca.crt': Buffer.from(cert).toString('base64') };
  const facts = {
    options: options.value,
    injector: { policy: 'enabled', neverInjectSelector: [], alwaysInjectSelector: [] },
    secret: { apiVersion: 'v1', kind: 'Secret', metadata: { name: names.certificates }, data },
    registration: undefined,
    guard: [],
    namespace: await kube.get(resources.namespaces, ownNamespace),
    minor: 34,
    trust: noTrust,
    now,
  };
  const { registration } = planUpkeep(facts);
  const { guard } = planUpkeep({ ...facts, registration: registration?.object });
  for (const write of [registration, ...guard]) {
    assert.ok(write);
    await kube.apply(write.object, { fieldManager: fieldManagers.control });
  }
  const kinds = [resources.mutatingWebhooks, resources.admissionPolicies, resources.admissionPolicyBindings];
  const listed = async (): Promise<number> =>
    (await Promise.all(kinds.map((kind) => kube.list(kind)))).flatMap(({ items }) => items).length;
  assert.equal(await listed(), 3);
  await kube.remove(resources.namespaces, ownNamespace);
  await until('they are gone', async () => (await listed()) === 0);
});
