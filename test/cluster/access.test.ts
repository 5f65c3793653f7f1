// Are the roles what the components really ask of the API server: nothing is refused to them, and nothing is allowed that
// they never ask. The audit log of the API server has every call.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import { isObject } from '../../src/core/model/json.ts';
import { pod, withAnnotations } from '../builders.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { writeSettings } from './live-server.ts';
import { installHere, meshed, plainPod, registeredAuthorities } from './replicas.ts';

/** `pillion-control update secrets`. */
type Grant = string;

/** What is allowed and need not happen here. */
const seldom: ReadonlyMap<Grant, string> = new Map([
  ['pillion-webhook patch events', 'only what happens again is counted'],
  ['pillion-control patch events', 'only what happens again is counted'],
  ['pillion-webhook watch proxyconfigs', 'this cluster does not know the kind'],
]);

const account = /^system:serviceaccount:pillion-system:(.*)$/;

interface Calls {
  readonly made: ReadonlySet<Grant>;
  readonly refused: readonly string[];
}

function callsOf({ auditLog }: ControlPlane): Calls {
  const made = new Set<Grant>();
  const refused: string[] = [];
  for (const line of readFileSync(auditLog, 'utf8').trim().split('\n')) {
    const { verb, objectRef, user, responseStatus, requestURI } = JSON.parse(line);
    const component = account.exec(user?.username)?.[1];
    if (component === undefined) continue;
    if (responseStatus?.code === 403) refused.push(`${component} ${verb} ${requestURI}: ${responseStatus.message}`);
    if (isObject(objectRef)) made.add(`${component} ${verb} ${objectRef['resource']}`);
    // server-side apply asks for the right to create where there is no such object
    if (verb === 'patch' && responseStatus?.code === 201) made.add(`${component} create ${objectRef.resource}`);
  }
  return { made, refused };
}

function granted(): ReadonlySet<Grant> {
  const options = readOptions({});
  if (!options.ok) throw new Error('the defaults are no options');
  const grants = accessObjects(options.value).flatMap(({ metadata, rules }) =>
    (Array.isArray(rules) ? rules : []).flatMap((rule: { resources: string[]; verbs: string[] }) =>
      rule.resources.flatMap((plural) => rule.verbs.map((verb): Grant => `${metadata.name} ${verb} ${plural}`)),
    ),
  );
  return new Set(grants);
}

test('the roles allow what is asked, and no more', { skip: assets.skip }, async (context) => {
  const plane = await startControlPlane(context);
  const { kube } = plane;
  const here = await installHere(context, plane, { options: { platform: 'openshift' } });
  const control = await here.startControl();
  const replica = await here.startReplica();
  const isRegistered = async (): Promise<boolean> => (await registeredAuthorities(plane)) !== undefined;
  await until('the webhook is registered', isRegistered, plane.directory);
  const isCalled = async (): Promise<boolean> =>
    (await kube.create(plainPod('probe'), { dryRun: true })).metadata.annotations?.['sidecar.istio.io/status'] !==
    undefined;
  await until('it is called', isCalled, plane.directory);

  const isThere = (kind: typeof resources.admissionPolicies | typeof resources.admissionPolicyBindings) => async () =>
    (await kube.get(kind, names.guard)) !== undefined;
  for (const kind of [resources.admissionPolicies, resources.admissionPolicyBindings]) {
    await until(`the ${kind.kind} is there`, isThere(kind), plane.directory);
  }
  // an event of the webhook's, on the pod's owner
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web',
    uid: '00000000-0000-4000-8000-000000000001',
    controller: true,
  };
  const bad = pod('bad', withAnnotations({ 'sidecar.istio.io/proxyCPU': 'much' }));
  const denied = {
    apiVersion: 'v1',
    kind: 'Pod',
    ...bad,
    metadata: { ...bad.metadata, namespace: meshed, ownerReferences: [owner] },
  };
  await assert.rejects(kube.create(denied), /proxyCPU/);
  // the certificate is made anew, and the guard taken away
  const annotations = { 'pillion.dev/rotate': 'leaf' };
  const metadata = { name: names.certificates, namespace: ownNamespace, annotations };
  await kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata }, { fieldManager: 'somebody' });
  await writeSettings(kube, { options: { platform: 'openshift', guard: 'off' } });
  for (const kind of [resources.admissionPolicies, resources.admissionPolicyBindings]) {
    await until(`the ${kind.kind} is gone`, async () => !(await isThere(kind)()), plane.directory);
  }
  const wanted = (): readonly Grant[] => [...granted()].filter((grant) => !callsOf(plane).made.has(grant));
  const isAsked = async (): Promise<boolean> => wanted().every((grant) => seldom.has(grant));
  await until('everything has been asked', isAsked, undefined, 15_000).catch(() => {});
  await here.stopReplica(replica);
  await control.stop(); // its watches are in the log when they end

  assert.deepEqual(callsOf(plane).refused, []);
  assert.deepEqual(
    wanted().filter((grant) => !seldom.has(grant)),
    [],
  );
});
