// Answers: what happens to a collection from one moment on, until the stream ends in whatever way. One stream, once.
// Does not belong here: what is made of the events, and how it goes on afterwards (reflector.ts).
import { type KubeConfig, Watch } from '@kubernetes/client-node';
import { kubeErrorOf } from './kube-error.ts';
import { ownConnection } from './own-connection.ts';
import { readEvent, type WatchEnd, type WatchHandlers, type WatchRequest } from './watch-stream.ts';

/** Watches until the stream ends; never throws. Nothing of it is left then, not even a connection. */
export async function watchOnce(config: KubeConfig, request: WatchRequest, handlers: WatchHandlers): Promise<WatchEnd> {
  const { path, query, stallMs, signal } = request;
  const { promise, resolve } = Promise.withResolvers<WatchEnd>();
  let isOver = false;
  const end = (how: WatchEnd): void => {
    isOver = true;
    resolve(how);
  };
  const connection = ownConnection(config);
  const stalled = setTimeout(() => end({ kind: 'ended', error: undefined }), stallMs);
  const aborted = (): void => end({ kind: 'ended', error: undefined });
  signal.addEventListener('abort', aborted);
  if (signal.aborted) aborted();
  const event = (type: unknown, object: unknown): void => {
    if (isOver) return; // what is still in the stream would go over what a list or the next watch has brought
    stalled.refresh();
    const error = readEvent(type, object, path, handlers);
    if (error !== undefined) end({ kind: 'lost', error });
  };
  const done = (error: unknown): void => end(endOf(error, path));
  new Watch(connection.config).watch(path, query, event, done).then(
    () => {
      // where the API server refuses, the client has called "done" before
      if (!isOver) handlers.opened();
    },
    (error: unknown) => done(error), // credentials that cannot be read
  );
  const ended = await promise;
  clearTimeout(stalled);
  signal.removeEventListener('abort', aborted);
  connection.destroy();
  return ended;
}

/** The client ends a stream in which nothing comes for 30 s with a TimeoutError, which is no trouble. */
function endOf(error: unknown, path: string): WatchEnd {
  if (!(error instanceof Error)) return { kind: 'ended', error: undefined };
  const { statusCode } = error as { statusCode?: number };
  if (statusCode === undefined) return { kind: 'ended', error: kubeErrorOf(undefined, error, `WATCH ${path}`) };
  return { kind: 'lost', error: kubeErrorOf(statusCode, { message: `Cannot watch ${path}: ${error.message}` }) };
}
