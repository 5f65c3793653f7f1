// Answers: how does a test have real cosign make keys and sign images, without any network but the registry's.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TrustedKey } from '../../src/core/wasm/trust.ts';
import { runProgram } from '../program.ts';
import { isOnPath, skipWithoutRegistry } from './distribution.ts';

export type CosignVersion = 2 | 3;

/** The name under which each of the two is looked for on the PATH. */
const programs = { 2: 'cosign-v2', 3: 'cosign-v3' } as const;
const missing = Object.values(programs).filter((program) => !isOnPath(program));

/** False where cosign and a registry are there; else the one line that says how to get them. */
export const skipWithoutCosign: string | false =
  missing.length > 0
    ? `Cannot sign: there is no ${missing.join(' and no ')} on the PATH; put cosign 2 and cosign 3 there under these names`
    : skipWithoutRegistry;

const environment = { COSIGN_PASSWORD: 'only for this test' };
const patience = { environment, timeoutMs: 120_000 };

async function cosign(version: CosignVersion, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram(programs[version], args, patience);
  if (code !== 0) throw new Error(`${programs[version]} ${args[0]}: ${stderr}`);
}

export interface CosignKey {
  readonly file: string;
  readonly trusted: TrustedKey;
}

/** A key pair as `cosign generate-key-pair` makes it, in the directory. */
export async function makeKey(directory: string, name: string, version: CosignVersion = 3): Promise<CosignKey> {
  const prefix = join(directory, name);
  await cosign(version, ['generate-key-pair', '--output-key-prefix', prefix]);
  return { file: `${prefix}.key`, trusted: { name, pem: readFileSync(`${prefix}.pub`, 'utf8') } };
}

/** The same of a key that somebody made with other tools: PEM. */
export async function importKey(directory: string, name: string, pem: string): Promise<CosignKey> {
  const prefix = join(directory, name);
  await cosign(3, ['import-key-pair', '--key', pem, '--output-key-prefix', prefix]);
  return { file: `${prefix}.key`, trusted: { name, pem: readFileSync(`${prefix}.pub`, 'utf8') } };
}

/** Signs `host/name@sha256:…` in the form that is this version's own: 2 under a tag, 3 as a bundle. */
export async function signImage(
  version: CosignVersion,
  key: CosignKey,
  image: string,
  more: readonly string[] = [],
): Promise<void> {
  const offline = ['--tlog-upload=false', ...(version === 3 ? ['--use-signing-config=false'] : [])];
  await cosign(version, ['sign', '--key', key.file, ...offline, '--allow-http-registry', '--yes', ...more, image]);
}
