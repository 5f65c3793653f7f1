// Answers: what does a server in a pod answer that listens on loopback alone. One HTTP request through a port-forward of
// the API server, which arrives there as a connection from inside of the pod.
// Does not belong here: which pods are asked, and when (roles/job-completion.ts).
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { Exec, type KubeConfig } from '@kubernetes/client-node';
import { pathOf, resources } from '../../core/cluster/resources.ts';
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
  const timer = setTimeout(() => fail(unreachable(asked, `no answer within ${asked.timeoutMs} ms`)), asked.timeoutMs);
  const giveUp = (): void => fail(unreachable(asked, 'it was given up'));
  asked.signal?.addEventListener('abort', giveUp);
  if (asked.signal?.aborted) giveUp();
  const opening = openTunnel(config, asked, fail);
  try {
    // the deadline is nobody's but ours: a stream that is over before HTTP takes it tells HTTP nothing
    return await Promise.race([failed, opening.then(({ stream }) => exchange(stream, asked))]);
  } catch (error) {
    throw error instanceof KubeError ? error : unreachable(asked, error instanceof Error ? error.message : error);
  } finally {
    clearTimeout(timer);
    asked.signal?.removeEventListener('abort', giveUp);
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

/** Of one port there are two channels: what goes to and from the pod, and what is wrong. */
const dataChannel = 0;
const errorChannel = 1;

async function openTunnel(config: KubeConfig, asked: PodRequest, fail: (why: KubeError) => void): Promise<Tunnel> {
  let socket: Awaited<ReturnType<typeof connect>> | undefined;
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => socket?.send(Buffer.concat([Buffer.of(dataChannel), chunk]), done),
  });
  stream.on('error', () => {}); // HTTP hears of it
  const begun = new Set<number>();
  socket = await connect(config, asked, (channel, frame) => {
    if (!begun.has(channel))
      begun.add(channel); // the first frame says only which port it is
    else if (channel === dataChannel) stream.push(frame);
    else if (channel === errorChannel) fail(unreachable(asked, shortened(frame.toString())));
    return true;
  });
  socket.addEventListener('close', () => stream.push(null));
  const close = (): void => {
    stream.destroy();
    socket.terminate();
  };
  return { stream, close };
}

/**
 * The socket comes from the client's `Exec`, which has one for any path. Its `PortForward` would bring the classes of all
 * kinds of Kubernetes into the bundle, for functions that nobody calls.
 */
async function connect(config: KubeConfig, asked: PodRequest, receive: (channel: number, frame: Buffer) => boolean) {
  const { namespace, pod, port, timeoutMs } = asked;
  const path = `${pathOf(resources.pods, namespace, pod)}/portforward?ports=${port}`;
  try {
    return await new Exec(boundedBy(config, timeoutMs)).handler.connect(path, null, receive);
  } catch (error) {
    throw refusalOf(error, asked);
  }
}

/** The socket library tells the status in words only. */
function refusalOf(error: unknown, asked: PodRequest): KubeError {
  const message = (error as { readonly message?: unknown } | undefined)?.message;
  const text = typeof message === 'string' && message !== '' ? message : String(error);
  const status = /^Unexpected server response: ([0-9]{3})$/.exec(text)?.[1];
  if (status === undefined) return unreachable(asked, text);
  return kubeErrorOf(Number(status), { message: `${toward(asked)}: the API server answers ${status}` });
}

/** The client waits for the handshake for ever; its options for the socket have a bound, which is put in here. */
function boundedBy(config: KubeConfig, timeoutMs: number): KubeConfig {
  const applyToHTTPSOptions: KubeConfig['applyToHTTPSOptions'] = async (options) => {
    await config.applyToHTTPSOptions(options);
    Object.assign(options, { handshakeTimeout: timeoutMs });
  };
  return Object.create(config, { applyToHTTPSOptions: { value: applyToHTTPSOptions } });
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
