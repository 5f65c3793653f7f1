// Answers: how does a process that speaks to the API server with Node's own HTTP reach it by a kubeconfig.
// Does not belong here: the way from inside a pod (service-account.ts), which needs no client library.
import type { RequestOptions } from 'node:https';
import { connect, type KubeOptions } from './client.ts';
import type { KubeConnection } from './plain-client.ts';

/** Reads the kubeconfig; throws KubeError `no-configuration` where there is none. */
export function outsideConnection(options: KubeOptions): KubeConnection {
  const { config, server } = connect(options);
  return {
    server,
    options: async () => {
      const filled: RequestOptions = { headers: {} };
      await config.applyToHTTPSOptions(filled);
      return filled;
    },
  };
}
