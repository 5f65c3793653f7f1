// Answers: what does the cluster want of every node at this moment: the WasmExtensions and the options, followed.
// Does not belong here: what is made of them (core/wasm/store/wanted.ts).
import { isDeepStrictEqual } from 'node:util';
import type { ClusterOptions } from '../core/cluster/options.ts';
import { resources } from '../core/cluster/resources.ts';
import type { Result } from '../core/model/problem.ts';
import { agentName, nodeNamespace } from '../core/wasm/names.ts';
import { readAgentOptions } from '../core/wasm/store/agent-options.ts';
import { type DeclaredModules, declaredModules, wantedOf } from '../core/wasm/store/wanted.ts';
import type { Followable } from '../edge/kube/calls.ts';
import { type Reflection, reflect } from '../edge/kube/reflector.ts';
import type { Wishes } from './agent-modules.ts';

export interface WishesParts {
  readonly changed: () => void;
  /** Told before `changed`. */
  readonly optionsChanged: () => void;
  readonly trouble: (what: string, reason: string | undefined) => void;
}

export interface FollowedWishes {
  /** Undefined until both are known. Options that cannot be read leave those before in force. */
  current(): Wishes | undefined;
  /** What is not known yet, in words. */
  missing(): string | undefined;
  close(): void;
}

/** Bookmarks come about once a minute; a watch on each node that is begun anew more often is a burden. */
const times = { stallMs: 150_000 };

type Read = Result<ClusterOptions['wasm'], string>;

export function followWishes(kube: Followable, { changed, optionsChanged, trouble }: WishesParts): FollowedWishes {
  let wasm: ClusterOptions['wasm'] | undefined;
  let wishes: Wishes | undefined;
  const watched = (what: string) => ({
    times,
    trouble: ({ message }: Error) => trouble(what, message),
    healed: () => trouble(what, undefined),
  });
  const extensions: Reflection<DeclaredModules> = reflect(kube, resources.wasmExtensions, {
    ...watched('wasmextensions'),
    project: declaredModules,
    changed: () => settle(),
  });
  const maps: Reflection<Read> = reflect(kube, resources.configMaps, {
    ...watched('options'),
    place: { namespace: nodeNamespace, name: agentName },
    project: readAgentOptions,
    changed: () => settle(),
  });
  const settle = (): void => {
    const [read] = maps.items().values();
    if (read !== undefined) trouble('content of the options', read.ok ? undefined : read.error);
    if (read?.ok && !isDeepStrictEqual(read.value, wasm)) {
      wasm = read.value;
      optionsChanged();
    }
    wishes =
      wasm === undefined || !extensions.hasSynced
        ? undefined
        : { wasm, wanted: wantedOf(extensions.items().values(), wasm) };
    changed();
  };
  return {
    current: () => wishes,
    missing: () => {
      if (wasm === undefined) return `there are no options yet: ConfigMap ${nodeNamespace}/${agentName}`;
      return wishes === undefined ? 'the WasmExtensions are not known yet' : undefined;
    },
    close: () => {
      extensions.close();
      maps.close();
    },
  };
}
