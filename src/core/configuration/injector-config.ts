// Answers: what does the injector configuration say (key `config` of ConfigMap istio-sidecar-injector).
// Does not belong here: its templates (custom-templates.ts).

import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { plainText, shown } from '../model/plain-text.ts';
import type { StringMap } from '../model/pod.ts';
import { fail, type Problem } from '../model/problem.ts';
import type { InjectorConfig, LabelSelector } from '../model/settings.ts';
import { isQualifiedName, readSelector } from './label-selector.ts';

/** A result that, besides, tells of what was passed over. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly error: readonly Problem[] };

interface Findings {
  readonly problems: Problem[];
  readonly warnings: Problem[];
}

/**
 * Reads an injector configuration. Texts may be numbers or booleans, as YAML makes them of what has no quotes. A
 * selector that cannot be evaluated is passed over with a warning, as at Istio.
 * @returns the configuration, frozen, or every problem, with paths inside the configuration
 */
export function readInjectorConfig(document: unknown): Checked<InjectorConfig> {
  const found: Findings = { problems: [], warnings: [] };
  const config = mapping(document ?? {}, '', found);
  const policy =
    config['policy'] === undefined || config['policy'] === null ? '' : text(config['policy'], 'policy', found);
  if (policy !== 'enabled' && policy !== 'disabled') {
    const value = policy === '' ? undefined : policy;
    found.warnings.push({
      path: 'policy',
      value,
      expected: 'must be enabled or disabled: as it is, nothing is injected',
    });
  }
  const defaultTemplates = texts(config['defaultTemplates'], 'defaultTemplates', found);
  const value: InjectorConfig = {
    policy,
    defaultTemplates: defaultTemplates.length === 0 ? ['sidecar'] : defaultTemplates,
    aliases: readAliases(config['aliases'], found),
    neverInjectSelector: readSelectors(config['neverInjectSelector'], 'neverInjectSelector', found),
    alwaysInjectSelector: readSelectors(config['alwaysInjectSelector'], 'alwaysInjectSelector', found),
    injectedAnnotations: readAnnotations(config['injectedAnnotations'], found),
  };
  if (found.problems.length > 0) return fail(found.problems);
  return { ok: true, value: freeze(value), warnings: found.warnings };
}

/** The configuration that the chart writes for these values, for where only the values are at hand. */
export function injectorConfigOfValues(values: JsonObject): JsonObject {
  const webhook = member(values, 'sidecarInjectorWebhook');
  return {
    policy: member(member(values, 'global'), 'proxy')['autoInject'] ?? 'enabled',
    defaultTemplates: webhook['defaultTemplates'],
    neverInjectSelector: webhook['neverInjectSelector'],
    alwaysInjectSelector: webhook['alwaysInjectSelector'],
    injectedAnnotations: webhook['injectedAnnotations'],
  };
}

function member(values: JsonObject, key: string): JsonObject {
  const value = values[key];
  return isObject(value) ? value : {};
}

function readAliases(value: unknown, found: Findings): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries(mapping(value ?? {}, 'aliases', found));
  return new Map(entries.map(([name, names]) => [name, texts(names, `aliases.${name}`, found)]));
}

function readSelectors(value: unknown, path: string, found: Findings): readonly LabelSelector[] {
  return list(value, path, found).flatMap((element, at) => {
    const read = readSelector(element, `${path}[${at}]`);
    found.problems.push(...read.problems);
    found.warnings.push(...read.warnings);
    return read.selector === undefined ? [] : [read.selector];
  });
}

function readAnnotations(value: unknown, found: Findings): StringMap {
  const path = 'injectedAnnotations';
  const entries = Object.entries(mapping(value ?? {}, path, found));
  for (const [key] of entries) {
    if (isQualifiedName(key)) continue;
    const expected = 'must be the key of an annotation: [prefix/]name, of letters, digits, "-", "_" and "."';
    found.problems.push({ path: `${path}["${key}"]`, value: key, expected });
  }
  return Object.fromEntries(entries.map(([key, one]) => [key, text(one ?? '', `${path}["${key}"]`, found)]));
}

function mapping(value: unknown, path: string, found: Findings): JsonObject {
  if (isObject(value)) return value;
  found.problems.push({ path, value: shown(value), expected: 'must be a mapping' });
  return {};
}

function list(value: unknown, path: string, found: Findings): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  found.problems.push({ path, value: shown(value), expected: 'must be a list' });
  return [];
}

function texts(value: unknown, path: string, found: Findings): readonly string[] {
  return list(value, path, found).map((element, at) => text(element, `${path}[${at}]`, found));
}

function text(value: unknown, path: string, found: Findings): string {
  const read = plainText(value);
  if (read === undefined) found.problems.push({ path, value: shown(value), expected: 'must be text' });
  return read ?? '';
}
