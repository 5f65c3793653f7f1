// Answers: how is each of the watches that the settings rest on, for readiness, metrics and messages.
// Does not belong here: the watch itself (reflector.ts).
import type { Resource } from '../../core/cluster/resources.ts';
import type { Kube } from './client.ts';
import type { KubeError } from './kube-error.ts';
import { type Reflection, type ReflectOptions, reflect } from './reflector.ts';
import type { WatchName } from './watch-names.ts';

export interface WatchState {
  readonly name: WatchName;
  /** As messages name it: `configmap istio-system/istio`, `nodes`. */
  readonly title: string;
  readonly hasSynced: boolean;
  /** How long ago the API server was last heard of there; undefined before the first time. */
  readonly lastContactMs: number | undefined;
  /** Why it may be out of date, and what to do where waiting does not help; undefined where it is not. */
  readonly trouble: string | undefined;
}

export interface NamedWatch<T> {
  readonly reflection: Reflection<T>;
  state(): WatchState;
  close(): void;
}

/** Who follows watches. */
export interface WatchListener {
  /** Something is another than before; what, everybody looks up. */
  readonly changed: () => void;
  /** A watch may be out of date, for that reason, or, where there is none, no longer is. */
  readonly troubled: (title: string, trouble: string | undefined) => void;
}

/** What is watched. */
export interface Watched<T> extends Pick<WatchState, 'name' | 'title'>, Pick<ReflectOptions<T>, 'place' | 'project'> {
  readonly resource: Resource;
}

/** Follows a collection, and remembers what is wrong with following it. */
export function openWatch<T>(
  kube: Kube,
  { name, title, resource, ...options }: Watched<T>,
  { changed, troubled }: WatchListener,
): NamedWatch<T> {
  let trouble: string | undefined;
  const reflection = reflect<T>(kube, resource, {
    ...options,
    changed,
    trouble: (error) => {
      trouble = troubleOf(error);
      troubled(title, trouble);
    },
    healed: () => {
      trouble = undefined;
      troubled(title, trouble);
    },
  });
  return {
    reflection,
    state: () => ({
      name,
      title,
      hasSynced: reflection.hasSynced,
      lastContactMs: reflection.lastContactMs(),
      trouble,
    }),
    close: reflection.close,
  };
}

/** ConfigMaps are granted by name: those that the options named when the roles were written. */
function troubleOf({ code, message }: KubeError): string {
  return code === 'forbidden' ? `${message}; run \`pillion install\`, which writes the roles anew` : message;
}
