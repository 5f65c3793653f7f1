// Answers: how is the API server asked. Objects travel as plain JSON: the typed classes of the client would drop fields
// that they do not know. From the client come the configuration (kubeconfig, service account), TLS and credentials.
// Does not belong here: the calls (calls.ts), following changes (reflector.ts), who leads (lease.ts).
import { HttpMethod, IsomorphicFetchHttpLibrary, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { isObject, type JsonObject } from '../../core/model/json.ts';
import { type CallOptions, callsOf, type Followable, type KubeCalls, readFault } from './calls.ts';
import { KubeError, kubeErrorOf } from './kube-error.ts';
import { ownConnection } from './own-connection.ts';
import { watchOnce } from './watch.ts';

export { type CallOptions, collect, type KubeList, type Place, type WriteOptions } from './calls.ts';

export interface KubeOptions {
  /** File; `KUBECONFIG`, `~/.kube/config` or the service account of the pod where absent. */
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** Every method throws KubeError where the API server refuses, or cannot be reached. */
export interface Kube extends KubeCalls, Followable {
  /** `https://host:port`, for messages. */
  readonly server: string;
  /** The configuration, for streams (port-forward.ts). */
  readonly config: KubeConfig;
}

/** The API server answers within this, or it counts as unreachable. */
const patienceMs = 15_000;

/** Reads the configuration; throws KubeError `no-configuration` where there is none. */
export function connect(options: KubeOptions = {}): Kube {
  return kubeOf(readConfig(options));
}

function readConfig({ kubeconfig, context }: KubeOptions): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
    if (context !== undefined) config.setCurrentContext(context);
  } catch (error) {
    throw new KubeError(
      'no-configuration',
      `Cannot read the kubeconfig: ${error instanceof Error ? error.message : error}; name another with --kubeconfig`,
    );
  }
  const cluster = config.getCurrentCluster();
  // where nothing is found the client makes up a cluster on localhost
  if (cluster === null || (cluster.name === 'cluster' && cluster.server === 'http://localhost:8080')) {
    const asked = context === undefined ? 'the kubeconfig names no current one' : `it has no context "${context}"`;
    throw new KubeError('no-configuration', `Cannot find a cluster: ${asked}; name a kubeconfig with --kubeconfig`);
  }
  return config;
}

export function kubeOf(config: KubeConfig): Kube {
  const server = config.getCurrentCluster()?.server ?? '';
  return {
    server,
    config,
    ...callsOf((method, path, options) => send(config, method, `${server}${path}`, options)),
    watch: (request, handlers) => watchOnce(config, request, handlers),
  };
}

const http = new IsomorphicFetchHttpLibrary();

async function send(
  config: KubeConfig,
  method: keyof typeof HttpMethod,
  url: string,
  { query = {}, body, contentType = 'application/json', signal }: CallOptions = {},
): Promise<JsonObject> {
  const context = new RequestContext(url, HttpMethod[method]);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) context.setQueryParam(name, value);
  context.setHeaderParam('Accept', 'application/json');
  if (body !== undefined) {
    context.setHeaderParam('Content-Type', contentType);
    context.setBody(JSON.stringify(body));
  }
  const connection = ownConnection(config);
  const deadline = AbortSignal.timeout(patienceMs);
  context.setSignal(signal === undefined ? deadline : AbortSignal.any([deadline, signal]));
  try {
    await connection.config.applySecurityAuthentication(context);
    const response = await http.send(context).toPromise();
    const text = await response.body.text();
    if (response.httpStatusCode >= 400) throw kubeErrorOf(response.httpStatusCode, readFault(text));
    const value: unknown = text === '' ? {} : JSON.parse(text);
    return isObject(value) ? value : {};
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw kubeErrorOf(undefined, error, `${method} ${new URL(url).pathname}`);
  } finally {
    connection.destroy();
  }
}
