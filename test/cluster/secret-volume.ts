// Answers: how does a Secret of the cluster come into a directory of this machine, as the kubelet brings it into a pod:
// files are links over `..data` into a directory that is swapped as a whole.
// Does not belong here: who reads it (replicas.ts).
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { names, ownNamespace } from '../../src/core/cluster/names.ts';
import { resources } from '../../src/core/cluster/resources.ts';
import { isObject } from '../../src/core/model/json.ts';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import { reflect } from '../../src/edge/kube/reflector.ts';
import type { ControlPlane } from './control-plane.ts';

/** What the webhook's pods mount of it. */
const items = ['tls.crt', 'tls.key'] as const;

export interface SecretVolume {
  readonly directory: string;
  /** Resolves when everything that the pod asks for has been there once: only then does a kubelet start it. */
  readonly mounted: Promise<void>;
}

/** Follows the Secret with so many milliseconds of delay; ended after the test. */
export function mountSecret(context: Pick<TestContext, 'after'>, { kube }: ControlPlane, lagMs: number): SecretVolume {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-volume-'));
  const { promise: mounted, resolve } = Promise.withResolvers<void>();
  let generation = 0;
  let last: Promise<void> = Promise.resolve();
  const update = async (files: ReadonlyMap<string, Buffer>): Promise<void> => {
    await wait(lagMs);
    generation += 1;
    swap(directory, generation, files);
    resolve();
  };
  const reflection = reflect(kube, resources.secrets, {
    place: { namespace: ownNamespace, name: names.certificates },
    project: filesOf,
    changed: () => {
      const files = [...reflection.items().values()][0];
      // as the kubelet: where something is missing, what is there stays
      if (files !== undefined && files.size === items.length) last = last.then(() => update(files));
    },
  });
  context.after(async () => {
    reflection.close();
    await last;
    rmSync(directory, { recursive: true, force: true });
  });
  return { directory, mounted };
}

function filesOf({ data }: KubeObject): ReadonlyMap<string, Buffer> {
  const found = items.flatMap((key) => {
    const value = isObject(data) ? data[key] : undefined;
    return typeof value === 'string' ? [[key, Buffer.from(value, 'base64')] as const] : [];
  });
  return new Map(found);
}

function swap(directory: string, generation: number, files: ReadonlyMap<string, Buffer>): void {
  const name = `..${generation}`;
  mkdirSync(join(directory, name));
  for (const [file, bytes] of files) writeFileSync(join(directory, name, file), bytes);
  symlinkSync(name, join(directory, '..data_tmp'));
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'));
  if (generation === 1) for (const file of files.keys()) symlinkSync(join('..data', file), join(directory, file));
  rmSync(join(directory, `..${generation - 1}`), { recursive: true, force: true });
}
