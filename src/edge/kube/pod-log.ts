// Answers: what has a container written so far.
import { HttpMethod, IsomorphicFetchHttpLibrary, type KubeConfig, RequestContext } from '@kubernetes/client-node';
import { pathOf, resources } from '../../core/cluster/resources.ts';
import { readFault } from './calls.ts';
import { KubeError, kubeErrorOf } from './kube-error.ts';

export interface LogRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** From its beginning; the rest is left out. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

const patienceMs = 10_000;
const http = new IsomorphicFetchHttpLibrary();

/** The beginning of a container's log. Throws KubeError, `refused` where the container has not run yet. */
export async function readPodLog(config: KubeConfig, request: LogRequest): Promise<string> {
  const path = `${pathOf(resources.pods, request.namespace, request.pod)}/log`;
  const context = new RequestContext(`${config.getCurrentCluster()?.server ?? ''}${path}`, HttpMethod.GET);
  context.setQueryParam('container', request.container);
  context.setQueryParam('limitBytes', String(request.mostBytes));
  context.setSignal(AbortSignal.any([AbortSignal.timeout(patienceMs), request.signal]));
  try {
    await config.applySecurityAuthentication(context);
    const response = await http.send(context).toPromise();
    const text = await response.body.text();
    if (response.httpStatusCode >= 400) throw kubeErrorOf(response.httpStatusCode, readFault(text));
    return text;
  } catch (error) {
    if (error instanceof KubeError) throw error;
    throw kubeErrorOf(undefined, error, `GET ${path}`);
  } finally {
    // the client makes a connection for each call; left alone it would stay open for a while
    void context
      .getDispatcher()
      ?.destroy()
      .catch(() => {});
  }
}
