// Answers: what does docs/options.md say of each option. Made of the schema that reads them.
import { z } from 'zod';
import { optionsSchema } from '../src/core/cluster/options.ts';
import { isObject, type JsonObject } from '../src/core/model/json.ts';

export interface OptionDoc {
  /** `certificates.leafLifetime`. */
  readonly name: string;
  /** What is allowed, in words. */
  readonly value: string;
  /** As it would be written in the document. */
  readonly fallback: string;
  readonly doc: string;
}

/** Every option in the order of the schema; mappings by their members. */
export function optionDocs(): readonly OptionDoc[] {
  const schema = z.toJSONSchema(optionsSchema, { io: 'input', unrepresentable: 'any' });
  return docsOf(schema as JsonObject, '');
}

function docsOf(schema: JsonObject, prefix: string): readonly OptionDoc[] {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  return Object.entries(properties).flatMap(([key, option]) => {
    if (!isObject(option)) return [];
    const name = prefix + key;
    if (option['type'] === 'object') return docsOf(option, `${name}.`);
    const usual = option['default'];
    const fallback = typeof usual === 'string' && /^[a-z]/.test(usual) ? usual : JSON.stringify(usual);
    return [{ name, value: valueText(option), fallback, doc: String(option['description'] ?? '') }];
  });
}

function valueText({ type, enum: choices, minimum, maximum, pattern, items }: JsonObject): string {
  if (Array.isArray(choices)) return choices.map((choice) => `\`${choice}\``).join(', ');
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'integer') return `whole number from ${minimum} to ${maximum}`;
  if (type === 'array') return `list of ${isObject(items) ? elementsText(items) : 'names'}`;
  const words = textWords.find(([sign]) => String(pattern).includes(sign));
  return words === undefined ? 'text' : words[1];
}

function elementsText({ properties, pattern }: JsonObject): string {
  if (isObject(properties)) {
    const fields = Object.keys(properties).map((name) => `\`${name}\``);
    return `mappings: ${fields.join(', ')}`;
  }
  if (String(pattern).includes('sha256')) return 'digests: `sha256:…`';
  return String(pattern).includes('(:') ? 'texts: `host` or `host:port`' : 'names';
}

/** What a pattern stands for, by something that only it has. */
const textWords: readonly (readonly [sign: string, words: string])[] = [
  ['smhd', 'duration: `30s`, `10m`, `24h`, `365d`'],
  ['a-z0-9', 'name'],
  ['29|3', 'version in quotes, from `"1.29"` to `"1.33"`'],
];
