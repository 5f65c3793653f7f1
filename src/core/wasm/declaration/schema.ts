// Answers: how is a schema of a custom resource written down. Structural, as the API server wants it: every field has a
// type, and what is not described is dropped.
// Source: Kubernetes, apiextensions.k8s.io/v1, JSONSchemaProps.
// Does not belong here: which fields our kinds have (custom-resources.ts).
import type { JsonObject } from '../../model/json.ts';

export type Schema = JsonObject;

/** A rule in CEL, and what is said where it does not hold. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

export function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** One of the words; the first is the default where `byDefault` is not given. */
export function words(all: readonly string[], byDefault?: string): Schema {
  return { type: 'string', enum: [...all], ...(byDefault !== undefined && { default: byDefault }) };
}

export function text(maxLength: number, more: Schema = {}): Schema {
  return { type: 'string', maxLength, ...more };
}

export function whole(more: Schema = {}): Schema {
  return { type: 'integer', ...more };
}

export function mapping(properties: { readonly [name: string]: Schema }, more: Schema = {}): Schema {
  return { type: 'object', properties, ...more };
}

export function list(items: Schema, maxItems: number, more: Schema = {}): Schema {
  return { type: 'array', items, maxItems, ...more };
}

/** A list in which the value of the field tells the entries apart, so that each can have an owner of its own. */
export function listBy(key: string, items: Schema, maxItems: number): Schema {
  return list(items, maxItems, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

export function rules(...all: readonly Rule[]): Schema {
  return { 'x-kubernetes-validations': all };
}

/** Anything at all is kept; with a type, anything of that type. */
export function open(more: Schema = {}): Schema {
  return { ...more, 'x-kubernetes-preserve-unknown-fields': true };
}

export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** Above 0 it is shown in wide output alone. */
  readonly priority?: number;
}
