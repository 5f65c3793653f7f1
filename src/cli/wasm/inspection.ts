// Answers: what is known about a module once it was looked at.
import type { Result } from '../../core/model/problem.ts';
import { sectionOf, unknownImports } from '../../core/wasm/bytes/interface-of.ts';
import { readSections } from '../../core/wasm/bytes/sections.ts';
import type { ModuleFacts } from '../../core/wasm/module.ts';
import type { Refusal } from '../../core/wasm/refusals.ts';
import type { Verification } from '../../core/wasm/trust.ts';
import type { Looked } from './look.ts';

/** Everything that is known about a module. */
export interface Inspection extends Looked {
  readonly checked: Result<ModuleFacts, Refusal>;
  /** `env.proxy_log`; empty where the module cannot be read. */
  readonly imports: readonly string[];
  /** Where keys were given and it is an image. */
  readonly verified?: Result<Verification, Refusal>;
}

/** Every function that the module wants of its proxy. */
export function importsOf(bytes: Uint8Array): readonly string[] {
  const sections = readSections(bytes);
  const section = typeof sections === 'string' ? undefined : sectionOf(sections, 'import');
  const names: string[] = [];
  if (section !== undefined) unknownImports(bytes, section, (name) => names.push(name) > 0);
  return names;
}
