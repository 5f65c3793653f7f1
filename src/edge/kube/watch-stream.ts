// Answers: what is asked of one watch, what does it tell, and how can it end, whoever carries it.
import { isObject } from '../../core/model/json.ts';
import type { KubeObject } from '../../core/model/kube-object.ts';
import { type KubeError, kubeErrorOf } from './kube-error.ts';

export interface WatchRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** A stream that neither tells anything nor ends for so long is cut. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

export interface WatchHandlers {
  /** The API server has agreed; from now on every change comes. */
  readonly opened: () => void;
  /** May throw: the stream ends with it. */
  readonly changed: (type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: KubeObject) => void;
}

export type WatchEnd =
  /** Goes on from the last resourceVersion: the stream was closed, cut or silent, or there is no way to the API server. */
  | { readonly kind: 'ended'; readonly error: KubeError | undefined }
  /** Something may be missing, or the API server refuses: only a list helps. */
  | { readonly kind: 'lost'; readonly error: KubeError };

const changes: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

/** Tells of one event. @returns what speaks against going on after it */
export function readEvent(
  type: unknown,
  object: unknown,
  path: string,
  { changed }: WatchHandlers,
): KubeError | undefined {
  if (type === 'ERROR') {
    const code = isObject(object) && typeof object['code'] === 'number' ? object['code'] : 500;
    return kubeErrorOf(code, object);
  }
  if (!changes.has(type) || !isObject(object)) return kubeErrorOf(500, { message: `Cannot read an event of ${path}` });
  try {
    changed(type as Parameters<typeof changed>[0], object as KubeObject);
    return undefined;
  } catch (error) {
    return kubeErrorOf(500, { message: `Cannot use an event of ${path}: ${error}` });
  }
}
