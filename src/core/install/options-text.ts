// Answers: what does the document of options say, and how does it change without losing what a person wrote into it.
// Does not belong here: which options there are (cluster/options.ts).
import { isMap, parseDocument, stringify } from 'yaml';
import { type ClusterOptions, installedOptions, readOptions } from '../cluster/options.ts';
import { applySettings } from '../configuration/values-overrides.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import { mistakeText, readYaml } from '../proxy-config/yaml-text.ts';

/** What stands in the cluster where nobody has chosen anything. */
export const initialOptionsText = `# Options of this installation of Pillion. Every option has a default, and only what differs from it stands here:
# docs/options.md has them all. Roles and other objects follow from some; after a change of one of these, run
# "pillion install" again: ${installedOptions.join(', ')}.
`;

/** The options that the text gives, or every problem. */
export function readOptionsText(text: string): Result<ClusterOptions> {
  const read = readYaml(text);
  return read.ok ? readOptions(read.value) : unreadable(mistakeText(read.error));
}

/**
 * The text with settings such as `certificates.leafLifetime=24h` in it (see applySettings). Comments and what else
 * stands there stay, but for an option that is a mapping and is changed: that one is written anew.
 */
export function withSettings(text: string, settings: readonly string[]): Result<string> {
  if (settings.length === 0) return ok(text);
  const read = readYaml(text);
  if (!read.ok) return unreadable(mistakeText(read.error));
  const before = isObject(read.value) ? read.value : {};
  const after = applySettings(before, settings);
  if (!after.ok) return after;
  return ok(edited(text, before, after.value));
}

function edited(text: string, before: JsonObject, after: JsonObject): string {
  const document = parseDocument(text, { version: '1.1' });
  // a text of comments alone holds no mapping yet, and its comment must not end up behind what is put there
  if (!isMap(document.contents)) {
    const added = stringify(after, { version: '1.1' });
    return Object.keys(after).length === 0 ? text : `${text.trimEnd()}\n${added}`.trimStart();
  }
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value = after[key];
    if (JSON.stringify(before[key]) === JSON.stringify(value)) continue;
    if (value === undefined) document.delete(key);
    // a scalar that is put into the place of another keeps the comment beside it
    else document.set(key, typeof value === 'object' ? document.createNode(value) : value);
  }
  return document.toString();
}

function unreadable(why: string): Result<never> {
  const problem: Problem = { path: '', value: undefined, expected: `Cannot read it as YAML or JSON: ${why}` };
  return fail([problem]);
}
