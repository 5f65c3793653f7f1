// Answers: how is the client library made to leave nothing behind after one call or watch, however it ended.
import type { KubeConfig } from '@kubernetes/client-node';

export interface OwnConnection {
  /** The configuration to ask with, once. */
  readonly config: KubeConfig;
  /** Ends the connection in whatever state it is, also one that is still to be made. */
  destroy(): void;
}

type Context = Parameters<KubeConfig['applySecurityAuthentication']>[0];

/**
 * The client makes a connection for each call and gives no handle on it before the API server answers; left alone it
 * would stay open for a while. Its dispatcher, when destroyed, waits for a TLS handshake that has begun, up to ten
 * seconds where nobody answers: the signal ends that.
 */
export function ownConnection(config: KubeConfig): OwnConnection {
  const over = new AbortController();
  let dispatcher: ReturnType<Context['getDispatcher']>;
  const destroy = (): void => {
    void dispatcher?.destroy().catch(() => {});
    over.abort();
  };
  const applySecurityAuthentication = async (context: Context): Promise<void> => {
    await config.applySecurityAuthentication.call(own, context);
    dispatcher = context.getDispatcher();
    if (over.signal.aborted) destroy();
  };
  const createDispatcherOptions: KubeConfig['createDispatcherOptions'] = (...args) => {
    const options = config.createDispatcherOptions(...args);
    if (options.type !== 'agent') return options; // behind a proxy the connection that counts is the proxy's
    return { ...options, connect: { ...options.connect, signal: over.signal } };
  };
  const own: KubeConfig = Object.create(config, {
    applySecurityAuthentication: { value: applySecurityAuthentication },
    createDispatcherOptions: { value: createDispatcherOptions },
  });
  return { config: own, destroy };
}
