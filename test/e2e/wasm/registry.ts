// Answers: which registry do the tests push to, and what was asked of it.
import { readChoices } from '../../../kind/choices.ts';
import { ensureRegistry, type KindRegistry } from '../../../kind/registry.ts';
import { run } from '../../../kind/run.ts';

/** Also the name by which nodes and pods reach it (options.yaml). */
export const registryName = 'pillion-e2e-registry';

let running: Promise<KindRegistry> | undefined;

/** Started by whoever asks first; `make e2e` removes it at its end. */
export function testRegistry(): Promise<KindRegistry> {
  running ??= ensureRegistry(readChoices(process.env), registryName);
  return running;
}

/** Runs the body while the registry takes connections and answers nobody; then it goes on, whatever happened. */
export async function whileHeld(body: () => Promise<void>): Promise<void> {
  const { name } = await testRegistry();
  await run('docker', ['pause', name]);
  try {
    await body();
  } finally {
    await run('docker', ['unpause', name]);
  }
}

export interface BlobRequest {
  readonly digest: string;
  /** As the client calls itself. */
  readonly userAgent: string;
  /** Of the client, without its port. */
  readonly address: string;
}

/** Every GET of a blob of the repository so far that was answered, by the registry's own log. */
export async function blobGets(repository: string): Promise<readonly BlobRequest[]> {
  const { name } = await testRegistry();
  const log = await run('sh', ['-c', `docker logs ${name} 2>&1`]);
  return log.split('\n').flatMap((line) => {
    const field = (key: string): string => new RegExp(`${key}="?([^" ]+)`).exec(line)?.[1] ?? '';
    if (!line.includes('msg="response completed"') || field('http\\.request\\.method') !== 'GET') return [];
    const digest = new RegExp(`^/v2/${repository}/blobs/(sha256:[0-9a-f]{64})`).exec(
      field('http\\.request\\.uri'),
    )?.[1];
    if (digest === undefined) return [];
    const address = field('http\\.request\\.remoteaddr').replace(/:\d+$/, '');
    return [{ digest, userAgent: field('http\\.request\\.useragent'), address }];
  });
}
