// Answers: may webhook and controller do what they do, and no more: every call that they make is allowed, and every right
// that they have is used.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { V1PolicyRule } from '@kubernetes/client-node';
import { secretAnnotations } from '../../src/core/certificates/secret.ts';
import type { Component } from '../../src/core/cluster/labels.ts';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { readOptions } from '../../src/core/cluster/options.ts';
import { pathOf, resources } from '../../src/core/cluster/resources.ts';
import { accessObjects } from '../../src/core/install/access.ts';
import { isObject, type JsonObject, parseJson } from '../../src/core/model/json.ts';
import { assets } from './assets.ts';
import { type ControlPlane, startControlPlane, until } from './control-plane.ts';
import { createHeldPod } from './held-pod.ts';
import { writeSettings } from './live-server.ts';
import { makeProxyConfigKind } from './proxy-config-kind.ts';
import { installHere, leafInSecret, plainPod } from './replicas.ts';
import { isInjected } from './webhook.ts';

/** A call as the audit log has it. */
interface Call {
  readonly component: Component;
  readonly verb: string;
  /** `group/resource`, the resource alone in the core group. */
  readonly resource: string;
  readonly name: string;
  readonly namespace: string;
  readonly status: number;
}

function callsIn({ auditLog }: ControlPlane): readonly Call[] {
  const entries = readFileSync(auditLog, 'utf8').split('\n').map(parseJson).filter(isObject);
  return entries.flatMap((entry) => {
    const { username } = entry['user'] as { username: string };
    const component = (['webhook', 'control'] as const).find(
      (one) => username === `system:serviceaccount:${ownNamespace}:${names[one]}`,
    );
    const reference = entry['objectRef'];
    if (component === undefined || !isObject(reference)) return [];
    const {
      apiGroup,
      resource,
      subresource,
      name = '',
      namespace = '',
    } = reference as Record<string, string | undefined>;
    const group = apiGroup === undefined ? '' : `${apiGroup}/`;
    const whole = `${group}${resource}${subresource === undefined ? '' : `/${subresource}`}`;
    const status = Number((entry['responseStatus'] as JsonObject | undefined)?.['code'] ?? 0);
    return [{ component, verb: String(entry['verb']), resource: whole, name, namespace, status }];
  });
}

/** One verb about one resource and, where the rule names any, one name. */
interface Right {
  readonly component: Component;
  readonly verb: string;
  readonly resource: string;
  readonly name: string | undefined;
  /** Undefined for all. */
  readonly namespace: string | undefined;
}

function grantedRights(document: JsonObject): readonly Right[] {
  const options = readOptions(document);
  if (!options.ok) throw new Error('these are no options');
  const roles = accessObjects(options.value).filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');
  return roles.flatMap(({ metadata, rules }) => {
    const component = metadata.name === names.webhook ? 'webhook' : 'control';
    return (rules as V1PolicyRule[]).flatMap(({ apiGroups = [], resources: plurals = [], verbs, resourceNames }) =>
      plurals.flatMap((plural) =>
        verbs.flatMap((verb) =>
          (resourceNames ?? [undefined]).map((name): Right => {
            const group = apiGroups[0] === '' ? '' : `${apiGroups[0]}/`;
            return { component, verb, resource: `${group}${plural}`, name, namespace: metadata.namespace };
          }),
        ),
      ),
    );
  });
}

/** Used by the call. Server-side apply that makes an object needs the right to create it, and is logged as a patch. */
function uses({ verb, status, ...call }: Call, right: Right): boolean {
  const isVerb = verb === right.verb || (right.verb === 'create' && verb === 'patch' && status === 201);
  return (
    isVerb &&
    call.component === right.component &&
    call.resource === right.resource &&
    (right.name === undefined || call.name === right.name) &&
    (right.namespace === undefined || call.namespace === right.namespace)
  );
}

function text({ component, verb, resource, name, namespace }: Right | Call): string {
  return [component, verb, resource, name, namespace && `in ${namespace}`].filter(Boolean).join(' ');
}

/** Rights that nothing here makes use of. */
const unusedHere: readonly string[] = [
  'webhook patch events.k8s.io/events', // a series of Events is told of after minutes
  'control patch events.k8s.io/events',
  // what OpenShift asks of whoever gives an object an owner
  `control delete admissionregistration.k8s.io/mutatingwebhookconfigurations ${names.registration}`,
  'control create pods/portforward', // API servers of 1.35 and later ask for it
];

test('webhook and controller are refused nothing, and have no right that they do not use', {
  skip: assets.skip,
}, async (context: TestContext) => {
  const plane = await startControlPlane(context);
  await makeProxyConfigKind(plane.kube);
  // on OpenShift namespaces count too
  const options = { platform: 'openshift', certificates: { settle: '1s' }, jobCompletion: true };
  const installation = await installHere(context, plane, { options });
  const control = await installation.startControl();
  const replica = await installation.startReplica();
  await until('pods are injected', async () =>
    isInjected(await plane.kube.create(plainPod('probe'), { dryRun: true })),
  );
  await until('the guard is there', () => isThere(plane, true));
  await createHeldPod(plane, 'held');

  // everything that can happen happens once
  const before = (await leafInSecret(plane))?.fingerprint256;
  const secret = pathOf(resources.secrets, ownNamespace, names.certificates);
  const body = { metadata: { annotations: { [secretAnnotations.rotate]: 'leaf' } } };
  await plane.kube.call('PATCH', secret, { body, contentType: 'application/merge-patch+json' });
  await until('there is another leaf', async () => (await leafInSecret(plane))?.fingerprint256 !== before);
  await writeSettings(plane.kube, { options: { ...options, guard: 'off' } });
  await until('the guard is gone', () => isThere(plane, false));
  await writeSettings(plane.kube, { options: { nonsense: true } });
  await until('both say so', async () => {
    const { items } = await plane.kube.list(resources.events, { namespace: ownNamespace });
    const speakers = new Set(items.map(({ reportingController }) => reportingController));
    return speakers.has('pillion.dev/control') && speakers.has('pillion.dev/webhook');
  });
  assert.equal(await installation.stopReplica(replica), 0);
  assert.equal(await control.stop(), 0);

  const rights = grantedRights(options).filter((right) => !unusedHere.includes(text(right)));
  const unused = (): readonly Right[] => {
    const calls = callsIn(plane);
    return rights.filter((right) => !calls.some((call) => uses(call, right)));
  };
  await until('the audit log has it all', async () => unused().length === 0).catch(() => {});
  const refused = callsIn(plane).filter(({ status }) => status === 403);
  assert.deepEqual([...new Set(refused.map(text))], [], 'calls that are not allowed');
  assert.deepEqual(unused().map(text), [], 'rights that are not used');
});

async function isThere({ kube }: ControlPlane, wanted: boolean): Promise<boolean> {
  const kinds = [resources.admissionPolicies, resources.admissionPolicyBindings];
  const found = await Promise.all(kinds.map((kind) => kube.get(kind, names.guard)));
  return found.every((one) => (one !== undefined) === wanted);
}
