// Answers: is what a replica may serve trusted at every moment, whatever happens meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSecret, secretAnnotations, secretKeys } from '../../../src/core/certificates/secret.ts';
import { readBundle } from '../../../src/core/certificates/x509.ts';
import { registeredBundle } from '../../../src/core/cluster/registration.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import { runs } from '../../property/runs.ts';
import { certificateOptions, createWorld, type World } from './world.ts';

type Event =
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'round' }
  | { readonly kind: 'two rounds at once' }
  | { readonly kind: 'restart' }
  | { readonly kind: 'ask'; readonly what: string }
  | { readonly kind: 'spoil'; readonly key: string; readonly by: string | undefined }
  | { readonly kind: 'delete secret' }
  | { readonly kind: 'empty bundle' }
  | { readonly kind: 'delete registration' };

const day = 86_400;
const often: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Event>({ kind: 'round' }) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 100 }).map((seconds): Event => ({ kind: 'pass', seconds })) },
  { weight: 2, arbitrary: fc.integer({ min: 100, max: day }).map((seconds): Event => ({ kind: 'pass', seconds })) },
  { weight: 1, arbitrary: fc.integer({ min: day, max: 9 * day }).map((seconds): Event => ({ kind: 'pass', seconds })) },
  { weight: 1, arbitrary: fc.constantFrom('leaf', 'authority', 'x').map((what): Event => ({ kind: 'ask', what })) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Event>(
      { kind: 'two rounds at once' },
      { kind: 'restart' },
      { kind: 'delete secret' },
      { kind: 'empty bundle' },
      { kind: 'delete registration' },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('spoil' as const),
      key: fc.constantFrom(...Object.values(secretKeys), secretAnnotations.retired),
      by: fc.constantFrom(undefined, 'x', ''),
    }),
  },
);

const options = fc.record({
  leafLifetime: fc.constantFrom('1h', '24h', '168h'),
  authorityLifetime: fc.constantFrom('3d', '30d', '365d'),
  overlap: fc.constantFrom('1s', '1h', '24h'),
  settle: fc.constantFrom('1s', '60s', '10m'),
});

/** What somebody else did. */
interface Excuse {
  /** Until then API servers may not trust what they should, because the registration was changed by hand. */
  untilMs: number;
  /** Authorities that were taken away everywhere: nobody can know any more that a replica serves a leaf of them. */
  readonly lost: Set<string>;
}

async function happen(world: World, event: Event, excuse: Excuse, settleMs: number): Promise<void> {
  switch (event.kind) {
    case 'pass':
      world.nowMs += event.seconds * 1000;
      break;
    case 'round':
      await world.round();
      break;
    case 'two rounds at once':
      await world.round(async () => void (await world.round()));
      break;
    case 'restart':
      world.restart();
      break;
    case 'ask':
      change(world, ({ metadata }) => {
        metadata.annotations[secretAnnotations.rotate] = event.what;
      });
      break;
    case 'spoil':
      spoil(world, event.key, event.by);
      break;
    case 'delete secret':
      world.putSecret(undefined);
      break;
    case 'empty bundle':
      if (world.registration !== undefined) world.putRegistration({ ...world.registration, webhooks: [] });
      break;
    case 'delete registration':
      world.putRegistration(undefined);
      break;
  }
  const isByHand = event.kind === 'empty bundle' || event.kind === 'delete registration';
  if (isByHand || isEmpty(world.registration)) excuse.untilMs = world.nowMs + settleMs;
  const isOurDoing = event.kind === 'round' || event.kind === 'two rounds at once';
  for (const { certificate } of isOurDoing ? [] : world.served()) {
    if (!isKnown(world, certificate.issuer)) excuse.lost.add(certificate.issuer);
  }
}

function isKnown({ secret, registration }: World, subject: string): boolean {
  const read = secret && readSecret(secret);
  const registered = readBundle((registration && registeredBundle(registration)) ?? '').authorities;
  const all = [...registered, ...(read?.bundle ?? []), read?.signer, read?.successor];
  return all.some((authority) => authority?.certificate.subject === subject);
}

function isEmpty(registration: KubeObject | undefined): boolean {
  return registration !== undefined && registeredBundle(registration) === undefined;
}

interface Changeable {
  readonly data: Record<string, string>;
  readonly metadata: { readonly annotations: Record<string, string> };
}

function change(world: World, how: (secret: Changeable) => void): void {
  if (world.secret === undefined) return;
  const secret = structuredClone(world.secret) as unknown as Changeable;
  how(secret);
  world.putSecret(secret as unknown as KubeObject);
}

function spoil(world: World, key: string, by: string | undefined): void {
  change(world, ({ data, metadata }) => {
    const target = key === secretAnnotations.retired ? metadata.annotations : data;
    const value = by === undefined || target === metadata.annotations ? by : Buffer.from(by).toString('base64');
    if (value === undefined) delete target[key];
    else target[key] = value;
  });
}

test('what a replica may serve is trusted by the registration, whatever happens and however late it learns of it', async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.array(often, { minLength: 20, maxLength: 60 }), async (durations, events) => {
      const settings = certificateOptions(durations);
      const settleMs = settings.certificates.settle * 1000;
      const world = createWorld(settings);
      const excuse: Excuse = { untilMs: 0, lost: new Set() };
      for (const event of events) {
        await happen(world, event, excuse, settleMs);
        const bad = world.nowMs <= excuse.untilMs ? [] : world.untrusted();
        assert.deepEqual(
          bad.map(({ certificate }) => certificate.issuer).filter((issuer) => !excuse.lost.has(issuer)),
          [],
          `after ${JSON.stringify(event)} at ${new Date(world.nowMs).toISOString()}: ${JSON.stringify(world.deeds)}`,
        );
      }
      await comesToRest(world, settings.certificates.overlap * 1000 + settleMs);
    }),
    runs(40),
  );
});

/** Left alone, everything is in order in the end: one authority, registered, and a leaf of it that is valid. */
async function comesToRest(world: World, longMs: number): Promise<void> {
  for (let round = 0; round < 30; round += 1) {
    await world.round();
    world.nowMs += 1_000;
  }
  for (let round = 0; round < 30; round += 1) {
    const plan = await world.round();
    world.nowMs += plan.certificates?.plan.step === undefined ? Math.max(60_000, longMs / 8) : 1_000;
  }
  for (let round = 0; round < 8; round += 1) await world.round();
  assert.ok(world.secret !== undefined && world.registration !== undefined);
  const { signer, leaf, bundle, faults } = readSecret(world.secret);
  assert.deepEqual(faults, []);
  assert.ok(signer !== undefined && leaf !== undefined);
  assert.deepEqual(world.untrusted(), []);
  const registered = readBundle(registeredBundle(world.registration) ?? '').authorities.map(({ id }) => id);
  assert.deepEqual(
    registered,
    bundle.map(({ id }) => id),
  );
}
