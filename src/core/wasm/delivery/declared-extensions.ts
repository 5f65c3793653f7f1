// Answers: which extensions count for one who reads them from a file, as the command line does: the objects as kubectl
// prints them, one or a List.
// Does not belong here: reading the file (edge/settings-files.ts), what is kept of an extension (extension-table.ts).
import type { Checked } from '../../configuration/injector-config.ts';
import type { SettingsDocument } from '../../configuration/read-facts.ts';
import type { Facts } from '../../model/facts.ts';
import { isObject, type JsonObject } from '../../model/json.ts';
import type { KubeObject } from '../../model/kube-object.ts';
import { shown } from '../../model/plain-text.ts';
import { fail, ok, type Problem, type Result } from '../../model/problem.ts';
import { extensionProblems, extensionTable, readDeliverable } from './extension-table.ts';

/**
 * The facts with the extensions of the document in the place of others. One that cannot be read counts for no pod and is
 * warned of, as in a cluster; what is no WasmExtension at all is a problem.
 */
export function withDeclared(facts: Checked<Facts>, document: SettingsDocument | undefined): Checked<Facts> {
  if (document === undefined) return facts;
  const objects = objectsOf(document);
  if (!objects.ok || !facts.ok) return fail([...(facts.ok ? [] : facts.error), ...(objects.ok ? [] : objects.error)]);
  const read = objects.value.map(readDeliverable);
  const value = Object.freeze({ ...facts.value, extensions: extensionTable(read) });
  return { ok: true, value, warnings: [...facts.warnings, ...extensionProblems(read)] };
}

function objectsOf({ from, value }: SettingsDocument): Result<readonly KubeObject[]> {
  const items = isObject(value) && Array.isArray(value['items']) ? value['items'] : value === null ? [] : [value];
  const problems: Problem[] = [];
  const objects: KubeObject[] = [];
  for (const [index, item] of items.entries()) {
    const object = isObject(item) ? extensionObject(item) : undefined;
    if (object !== undefined) objects.push(object);
    else {
      const value = isObject(item) ? shown(item['kind'] ?? {}) : shown(item);
      problems.push({ path: `${from}: items[${index}]`, value, expected: 'must be a WasmExtension with a name' });
    }
  }
  return problems.length > 0 ? fail(problems) : ok(objects);
}

/** kubectl puts what names no namespace into `default`. */
function extensionObject(object: JsonObject): KubeObject | undefined {
  const { kind, metadata } = object;
  if (kind !== 'WasmExtension' || !isObject(metadata) || typeof metadata['name'] !== 'string') return undefined;
  return { ...object, metadata: { namespace: 'default', ...metadata } } as unknown as KubeObject;
}
