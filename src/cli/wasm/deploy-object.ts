// Answers: which objects declare what the options of `pillion wasm deploy` say.
// Does not belong here: applying them (deploy.ts).
import { isObject, parseJson } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { quoted } from '../../core/model/problem.ts';
import { readExtension } from '../../core/wasm/declaration/read-extension.ts';
import { readSource, referenceText } from '../../core/wasm/image/read-source.ts';
import { wasmGroup, wasmVersion } from '../../core/wasm/names.ts';
import type { TrustedKey } from '../../core/wasm/trust.ts';
import { listOf, type OptionValues, textOf, UsageError } from '../command.ts';
import { isLocalFile } from './look.ts';
import { thresholdOf, wholeOf } from './options.ts';
import { refusedUsage } from './registry-access.ts';

/** What stands in files that the options name. */
export interface DeployFiles {
  readonly config?: string;
  readonly keys: readonly TrustedKey[];
}

/** The WasmExtension. Throws UsageError with everything that is wrong with it. */
export function extensionObject(options: OptionValues, namespace: string, files: DeployFiles): KubeObject {
  const object: KubeObject = {
    apiVersion: `${wasmGroup}/${wasmVersion}`,
    kind: 'WasmExtension',
    metadata: { name: nameOf(options), namespace },
    spec: withoutAbsent({
      source: sourceOf(options),
      pullSecret: textOf(options, 'pull-secret'),
      trust: trustOf(options, files.keys),
      selector: selectorOf(options),
      phase: upper(textOf(options, 'phase')),
      priority: wholeOf(options, 'priority', -(2 ** 31), 2 ** 31 - 1),
      failStrategy: upper(textOf(options, 'fail-strategy')),
      onMissing: textOf(options, 'on-missing'),
      delivery: textOf(options, 'delivery'),
      traffic: textOf(options, 'patch-context'),
      pluginName: textOf(options, 'root-id'),
      ...configOf(options, files.config),
    }),
  };
  const read = readExtension(object, { httpSources: true });
  if (!read.ok) throw refusedUsage(read.error);
  return object;
}

function withoutAbsent(spec: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

function upper(word: string | undefined): string | undefined {
  return word?.toUpperCase();
}

const longestName = 63;

/**
 * The name in the cluster, of --id or of argument `name`: an id with other characters than a name may have gets dashes in
 * their place.
 */
export function nameOf(options: OptionValues): string {
  const argument = textOf(options, 'name');
  const id = textOf(options, 'id') ?? argument;
  if (id === undefined) throw new UsageError('Cannot tell which extension is meant: give its name with --id');
  if (argument !== undefined && argument !== id)
    throw new UsageError(
      `Cannot tell which extension is meant: ${quoted(argument)} or --id ${quoted(id)}; leave one out`,
    );
  const name = id
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, longestName)
    .replace(/^-+|-+$/g, '');
  if (name !== '') return name;
  throw new UsageError(`Cannot use --id ${quoted(id)}: no letter or digit of it can stand in a name; choose another`);
}

/** Always with its scheme: without one, Istio takes the host of `host:port/name` for a scheme. */
function sourceOf(options: OptionValues): Readonly<Record<string, unknown>> {
  const text = textOf(options, 'image') ?? '';
  if (isLocalFile(text))
    throw new UsageError(
      `Cannot deploy the file ${quoted(text)}: a cluster fetches images; run "pillion wasm push ${text} host/name:tag", and deploy that name`,
    );
  const sha256 = textOf(options, 'sha256');
  const read = readSource(text, { allowHttp: true, ...(sha256 !== undefined && { moduleDigest: sha256 }) });
  if (!read.ok) throw refusedUsage(read.error);
  if (read.value.kind === 'http') return { url: text, sha256: read.value.moduleDigest };
  if (sha256 !== undefined)
    throw new UsageError('Cannot use --sha256 with an image: pin it as host/name@sha256:…, the digest of its manifest');
  return { image: read.value.kind === 'image' ? referenceText(read.value.image) : text };
}

function trustOf(options: OptionValues, keys: readonly TrustedKey[]): Readonly<Record<string, unknown>> | undefined {
  const threshold = thresholdOf(options, keys);
  if (keys.length === 0) return undefined;
  return { signatures: 'enforce', keys, ...(threshold !== undefined && { threshold }) };
}

function selectorOf(options: OptionValues): Readonly<Record<string, unknown>> | undefined {
  const pairs = listOf(options, 'labels').flatMap((text) => text.split(',').filter((one) => one.trim() !== ''));
  if (pairs.length === 0) return undefined;
  return { matchLabels: Object.fromEntries(pairs.map(labelOf)) };
}

function labelOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  throw new UsageError(`Cannot use --labels ${quoted(text)}: it has no "="; write KEY=VALUE`);
}

/** An object where it is one; any other text as it is, which a WasmPlugin could not hold. */
function configOf(options: OptionValues, fromFile: string | undefined): Readonly<Record<string, unknown>> {
  const given = textOf(options, 'config');
  if (given !== undefined && fromFile !== undefined)
    throw new UsageError('Cannot use --config with --config-file: both say the same; leave one of them out');
  const text = given ?? fromFile;
  if (text === undefined || text === '') return {};
  const shown =
    given === undefined ? `--config-file ${quoted(textOf(options, 'config-file') ?? '')}` : `--config ${quoted(given)}`;
  const parsed = parseJson(text);
  if (isObject(parsed)) return { pluginConfig: parsed };
  if (text.trimStart().startsWith('{'))
    throw new UsageError(`Cannot use ${shown}: it begins like a JSON object and is none; mend it`);
  return { rawConfig: text };
}
