// Answers: what does a WasmExtension declare, and can it be read. Everything that is wrong is told at once. What the API
// server has checked already is checked again: objects can be older than the schema they are served with.
// Does not belong here: what is kept in `status` (standing.ts), where a module is to be had (read-source.ts).
import type { ClusterOptions } from '../../cluster/options.ts';
import { isObject, type JsonObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { fail, ok, type Result } from '../../model/problem.ts';
import { isDigest } from '../digests.ts';
import { askedDeliveries, type Extension, failStrategies, onMissings, phases, traffics } from '../extension.ts';
import { readSource } from '../image/read-source.ts';
import { resolveAnnotation } from '../names.ts';
import type { Refusal } from '../refusals.ts';
import { bounds } from './bounds.ts';
import {
  type Complaints,
  createComplaints,
  type Field,
  fieldAt,
  readEntries,
  readLabels,
  readMapping,
  readText,
  readWhole,
  readWord,
} from './declared-fields.ts';
import { readTrust } from './read-trust.ts';

export { standingOf } from './standing.ts';

/**
 * Reads `spec`, and what else of the object it depends on. What is meant but not done by this version is refused as
 * `Unsupported`.
 * @param wasm the options of the installation, of which only `httpSources` counts here
 */
export function readExtension(
  object: KubeObject,
  wasm: Pick<ClusterOptions['wasm'], 'httpSources'>,
): Result<Extension, Refusal> {
  const wrong = createComplaints();
  const spec = readMapping(fieldAt(object, 'spec', ''), wrong);
  const at = (key: string): Field => fieldAt(spec, key, 'spec');
  const source = readDeclaredSource(at('source'), wasm, wrong);
  const selector = readMapping(at('selector'), wrong);
  const matchLabels = readLabels(fieldAt(selector, 'matchLabels', 'spec.selector'), wrong);
  const behaviour = readBehaviour(at, wrong);
  const plugin = readPlugin(at, wrong);
  const pullSecret = readText(at('pullSecret'), bounds.secretName, wrong);
  const trust = readTrust(at('trust'), wrong);
  checkTogether({ spec, source, behaviour, pullSecret }, wrong);
  checkSize(spec, wrong);
  const refused = wrong.refusal();
  if (refused !== undefined || source === undefined) return fail(refused ?? noSource);
  return ok({
    ...identityOf(object),
    ...source,
    ...behaviour,
    ...plugin,
    matchLabels,
    ...(pullSecret !== undefined && { pullSecret }),
    ...(trust !== undefined && { trust }),
  });
}

/** What of `spec` is kept in the status while it runs: all but where the module is to be had. */
export function withoutSource({ source: _, ...kept }: JsonObject): JsonObject {
  return kept;
}

function checkSize(spec: JsonObject, wrong: Complaints): void {
  const bytes = Buffer.byteLength(JSON.stringify(withoutSource(spec)));
  if (bytes <= bounds.specBytes) return;
  wrong.invalid('spec', `${bytes} bytes of JSON`, `must have at most ${bounds.specBytes} bytes besides its source`);
}

const noSource: Refusal = { reason: 'InvalidSpec', message: 'spec.source: must have image or url' };

function identityOf({
  metadata,
}: KubeObject): Pick<Extension, 'namespace' | 'name' | 'uid' | 'generation' | 'resolveAsked'> {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
    // an annotation may be longer than what the status keeps of it
    resolveAsked: (metadata.annotations?.[resolveAnnotation] ?? '').slice(0, bounds.resolveAsked).toWellFormed(),
  };
}

type DeclaredSource = Pick<Extension, 'reference' | 'source'>;

function readDeclaredSource(
  field: Field,
  { httpSources }: Pick<ClusterOptions['wasm'], 'httpSources'>,
  wrong: Complaints,
): DeclaredSource | undefined {
  const { image, url, sha256 } = readMapping(field, wrong);
  if ((image === undefined) === (url === undefined)) {
    wrong.invalid(field.path, undefined, 'must have either image or url');
    return undefined;
  }
  const key = image === undefined ? 'url' : 'image';
  const place: Field = { path: `${field.path}.${key}`, value: image ?? url };
  const reference = readText(place, bounds.reference, wrong);
  const moduleDigest = key === 'url' ? readSha256({ path: `${field.path}.sha256`, value: sha256 }, wrong) : undefined;
  if (key === 'image' && sha256 !== undefined) {
    wrong.invalid(`${field.path}.sha256`, sha256, 'is for url alone; pin an image with @sha256: of its manifest');
  }
  if (reference === undefined) return undefined;
  const isUrl = /^https?:\/\//.test(reference);
  if (isUrl !== (key === 'url')) {
    wrong.invalid(
      place.path,
      reference,
      key === 'url' ? 'must be https://…' : 'must be an image; write url: for https://',
    );
    return undefined;
  }
  if (key === 'url' && moduleDigest === undefined) return undefined; // said already
  const read = readSource(reference, { ...(moduleDigest !== undefined && { moduleDigest }), allowHttp: httpSources });
  if (read.ok) return { reference, source: read.value };
  wrong.refused(read.error.reason, { path: place.path, value: undefined, expected: read.error.message });
  return undefined;
}

/** With and without `sha256:` in front. */
function readSha256({ path, value }: Field, wrong: Complaints): `sha256:${string}` | undefined {
  const digest = typeof value === 'string' && !value.includes(':') ? `sha256:${value}` : value;
  if (isDigest(digest)) return digest;
  const expected = 'must be the sha256 of the module: 64 lower-case hexadecimal digits, with or without "sha256:"';
  wrong.invalid(path, value, expected);
  return undefined;
}

type Behaviour = Pick<Extension, 'phase' | 'priority' | 'failStrategy' | 'onMissing' | 'delivery' | 'traffic'>;

function readBehaviour(at: (key: string) => Field, wrong: Complaints): Behaviour {
  const onMissing = readWord(at('onMissing'), onMissings, 'block', wrong);
  const delivery = readWord(at('delivery'), askedDeliveries, 'auto', wrong);
  const traffic = readWord(at('traffic'), traffics, 'inbound', wrong);
  const later = (path: string, value: string, instead: string): void =>
    wrong.refused('Unsupported', { path, value, expected: `is not there yet; use ${instead}` });
  if (onMissing === 'deny') later('spec.onMissing', onMissing, 'block or run-without');
  if (delivery === 'image-volume') later('spec.delivery', delivery, 'auto, node-store or agent-pull');
  if (traffic === 'gateway') later('spec.traffic', traffic, 'inbound, outbound or any on sidecars');
  return {
    phase: readWord(at('phase'), phases, 'UNSPECIFIED_PHASE', wrong),
    priority: readWhole(at('priority'), bounds.priority, 0, wrong),
    failStrategy: readWord(at('failStrategy'), failStrategies, 'FAIL_CLOSE', wrong),
    onMissing: onMissing === 'deny' ? 'block' : onMissing,
    delivery: delivery === 'image-volume' ? 'auto' : delivery,
    traffic,
  };
}

type Plugin = Pick<Extension, 'pluginName' | 'pluginConfig' | 'rawConfig' | 'vmEnv'>;

function readPlugin(at: (key: string) => Field, wrong: Complaints): Plugin {
  const pluginName = readText(at('pluginName'), bounds.pluginName, wrong);
  const config = at('pluginConfig');
  if (config.value !== undefined && !isObject(config.value)) {
    wrong.invalid(config.path, config.value, 'must be a JSON object; write any other text as rawConfig');
  }
  const raw = at('rawConfig');
  const isRaw = typeof raw.value === 'string' && raw.value.length <= bounds.rawConfig;
  if (raw.value !== undefined && !isRaw) {
    wrong.invalid(raw.path, raw.value, `must be a text of at most ${bounds.rawConfig} characters`);
  }
  return {
    ...(pluginName !== undefined && { pluginName }),
    ...(isObject(config.value) && { pluginConfig: config.value }),
    ...(isRaw && { rawConfig: String(raw.value) }),
    vmEnv: readEnv(readMapping(at('vmConfig'), wrong), wrong),
  };
}

function readEnv(vmConfig: JsonObject, wrong: Complaints): Extension['vmEnv'] {
  const seen = new Set<string>();
  return readEntries(fieldAt(vmConfig, 'env', 'spec.vmConfig'), bounds.envEntries, wrong).flatMap(
    (entry): Extension['vmEnv'] => {
      const one = readMapping(entry, wrong);
      const name = readText(fieldAt(one, 'name', entry.path), bounds.envName, wrong);
      if (name === undefined) {
        if (one['name'] === undefined) wrong.invalid(`${entry.path}.name`, undefined, 'must be there');
        return [];
      }
      if (seen.has(name)) wrong.invalid(`${entry.path}.name`, name, 'must be there once');
      seen.add(name);
      const from = readWord(fieldAt(one, 'valueFrom', entry.path), ['INLINE', 'HOST'], 'INLINE', wrong);
      if (from === 'HOST') {
        if (one['value'] !== undefined) wrong.invalid(`${entry.path}.value`, one['value'], 'is for INLINE alone');
        return [{ name, fromHost: true }];
      }
      const value = one['value'] === '' ? '' : readText(fieldAt(one, 'value', entry.path), bounds.envValue, wrong);
      return [{ name, ...(value !== undefined && { value }) }];
    },
  );
}

interface Together {
  readonly spec: JsonObject;
  readonly source: DeclaredSource | undefined;
  readonly behaviour: Behaviour;
  readonly pullSecret: string | undefined;
}

/** What is right by itself and wrong beside something else. */
function checkTogether({ spec, source, behaviour, pullSecret }: Together, wrong: Complaints): void {
  if (pullSecret !== undefined && source !== undefined && source.source.kind !== 'image') {
    wrong.invalid('spec.pullSecret', pullSecret, 'is for images alone; a url is read without credentials');
  }
  if (spec['rawConfig'] === undefined) return;
  if (spec['pluginConfig'] !== undefined) {
    wrong.invalid('spec.rawConfig', undefined, 'cannot be there beside pluginConfig; keep one of the two');
  }
  const { phase, onMissing, delivery } = behaviour;
  const notRaw = 'cannot be had with rawConfig, for which an EnvoyFilter puts the local file before the router';
  if (phase !== 'UNSPECIFIED_PHASE') wrong.invalid('spec.phase', phase, notRaw);
  if (onMissing === 'run-without') wrong.invalid('spec.onMissing', onMissing, notRaw);
  if (delivery === 'agent-pull') wrong.invalid('spec.delivery', delivery, notRaw);
}
