// Answers: what does the configuration ask for. A JSON object {"name": …, "value": …, "version": …}, each a text and each
// optional; any other text is the value of the header "hello".
import { JsonTexts } from './json';

/** A whole number that the build may give: asc … --use VERSION=2. */
// @ts-ignore: a constant of the compiler
const built: i32 = isDefined(VERSION) ? VERSION : 0;

export class Settings {
  name: string = 'hello';
  value: string = 'world';
  /** For header x-filter-version; empty adds none. */
  version: string = built == 0 ? '' : built.toString();
  /** Why the text cannot be used; empty where it can. */
  problem: string = '';
}

export function readSettings(text: string): Settings {
  const settings = new Settings();
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) readObject(trimmed, settings);
  else if (trimmed != '') settings.value = trimmed;
  if (settings.problem == '') settings.problem = problemOf(settings);
  return settings;
}

function readObject(text: string, settings: Settings): void {
  const json = new JsonTexts(text);
  if (json.problem != '') {
    settings.problem = json.problem;
    return;
  }
  for (let i = 0; i < json.keys.length; i++) {
    const key = json.keys[i];
    const value = json.values[i];
    if (key == 'name') settings.name = value;
    else if (key == 'value') settings.value = value;
    else if (key == 'version') settings.version = value;
    else settings.problem = 'it has a key "' + key + '"; name, value and version are known';
  }
}

function problemOf(settings: Settings): string {
  if (!isHeaderName(settings.name)) return 'name "' + settings.name + '" is no name of a header; write lower-case letters, digits and dashes';
  if (!isHeaderValue(settings.value)) return 'value has characters that no header may have';
  if (!isHeaderValue(settings.version)) return 'version has characters that no header may have';
  return '';
}

function isHeaderName(name: string): bool {
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    const isLetter = c >= 0x61 && c <= 0x7a;
    const isDigit = c >= 0x30 && c <= 0x39;
    if (!isLetter && !isDigit && c != 0x2d && c != 0x5f) return false;
  }
  return name.length > 0;
}

/** A line end would start another header. */
function isHeaderValue(value: string): bool {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 0x20 || c == 0x7f) return false;
  }
  return true;
}
