// Answers: what does a server in a pod answer that listens on loopback alone. One HTTP request through a port-forward of
// the API server, which arrives there as a connection from inside of the pod.
// Does not belong here: which pods are asked, and when (roles/job-completion.ts).
import { request } from 'node:http';
import { Duplex, PassThrough, Writable } from 'node:stream';
import { type KubeConfig, PortForward } from '@kubernetes/client-node';
import { KubeError, kubeErrorOf } from './kube-error.ts';

export interface PodRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** For everything: the way there, the request and the answer. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The HTTP status that was answered. Nothing is left open afterwards.
 * @throws KubeError: `forbidden` and `not-found` where the API server says so; `unreachable` where it cannot be reached,
 *   where nobody listens on the port, or where no answer came in time
 */
export async function askPod(config: KubeConfig, asked: PodRequest): Promise<number> {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const over = new AbortController();
  const timer = setTimeout(() => fail(unreachable(asked, `no answer within ${asked.timeoutMs} ms`)), asked.timeoutMs);
  const giveUp = (): void => fail(unreachable(asked, 'it was given up'));
  asked.signal?.addEventListener('abort', giveUp);
  if (asked.signal?.aborted) giveUp();
  const opening = openTunnel(endingWith(config, over.signal), asked, fail);
  try {
    // the deadline is nobody's but ours: a stream that is over before HTTP takes it tells HTTP nothing
    return await Promise.race([failed, opening.then(({ stream }) => exchange(stream, asked))]);
  } catch (error) {
    throw error instanceof KubeError ? error : unreachable(asked, error instanceof Error ? error.message : error);
  } finally {
    clearTimeout(timer);
    asked.signal?.removeEventListener('abort', giveUp);
    over.abort();
    void opening.then(
      (tunnel) => tunnel.close(),
      () => {},
    );
  }
}

interface Tunnel {
  readonly stream: Duplex;
  close(): void;
}

async function openTunnel(config: KubeConfig, asked: PodRequest, fail: (why: KubeError) => void): Promise<Tunnel> {
  const { namespace, pod, port } = asked;
  const [toPod, fromPod] = [new PassThrough(), new PassThrough()];
  const troubles = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (chunk.length > 0) fail(unreachable(asked, shortened(chunk.toString()))); // the first says only which port it is
      done();
    },
  });
  try {
    const forward = new PortForward(config);
    const socket = (await forward.portForward(namespace, pod, [port], fromPod, troubles, toPod)) as Socket;
    const stream = Duplex.from({ writable: toPod, readable: fromPod });
    stream.on('error', () => {}); // HTTP hears of it
    socket.addEventListener('close', () => fromPod.end()); // the client does not tell
    const close = (): void => {
      stream.destroy();
      socket.terminate();
    };
    return { stream, close };
  } catch (error) {
    throw refusalOf(error, asked);
  }
}

/** Without a retry it is one; with them, a function. */
type Socket = Exclude<Awaited<ReturnType<PortForward['portForward']>>, () => unknown>;

/** The client waits for the handshake for ever; its options for the socket take a signal, which is put in here. */
function endingWith(config: KubeConfig, signal: AbortSignal): KubeConfig {
  const applyToHTTPSOptions: KubeConfig['applyToHTTPSOptions'] = async (options) => {
    await config.applyToHTTPSOptions(options);
    Object.assign(options, { signal });
  };
  return Object.create(config, { applyToHTTPSOptions: { value: applyToHTTPSOptions } });
}

/** The socket library tells the status in words only. */
function refusalOf(error: unknown, asked: PodRequest): KubeError {
  const message = (error as { readonly message?: unknown } | undefined)?.message;
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  const status = /^Unexpected server response: ([0-9]{3})$/.exec(text)?.[1];
  if (status === undefined) return unreachable(asked, text);
  return kubeErrorOf(Number(status), { message: `${toward(asked)}: the API server answers ${status}` });
}

function exchange(stream: Duplex, { method, path, port }: PodRequest): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { host: `localhost:${port}`, connection: 'close', 'content-length': '0' };
  const call = request({ method, path, headers, createConnection: () => stream });
  call.on('response', (response) => {
    response.resume();
    response.on('error', () => {}); // the status is here already
    resolve(response.statusCode ?? 0);
  });
  call.on('error', reject);
  call.end();
  return promise;
}

/** The kubelet's words name the pod's network three times over. */
function shortened(text: string): string {
  return /connection refused/.test(text) ? 'nobody listens there' : text.trim().slice(0, 200);
}

function toward({ namespace, pod, port }: PodRequest): string {
  return `Cannot ask port ${port} of pod ${namespace}/${pod}`;
}

function unreachable(asked: PodRequest, why: unknown): KubeError {
  return new KubeError('unreachable', `${toward(asked)}: ${why}`);
}
