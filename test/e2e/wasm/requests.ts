// Answers: what does a client see of a filter: a pod without a sidecar that asks servers through theirs.
import { isObject } from '../../../src/core/model/json.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';
import type { Namespace } from '../namespace.ts';
import { deployment, images, service, shell } from '../objects.ts';
import { statusNumber } from '../pods.ts';

export const client = 'client';

/** Starts the client: plain requests reach servers, whose sidecars take what is no mutual TLS as well. */
export async function startClient(namespace: Namespace): Promise<void> {
  await namespace.create(
    deployment({
      name: client,
      containers: [
        { name: 'app', image: images.node, imagePullPolicy: 'IfNotPresent', command: ['sleep', 'infinity'] },
        shell('curl', 'exec sleep 1000000'),
      ],
      labels: { 'sidecar.istio.io/inject': 'false' },
    }),
  );
  await untilAvailable(namespace, client);
}

/** A Deployment and a Service of this name, which answers every request with 200; `more` are annotations of its pods. */
export async function startServer(
  namespace: Namespace,
  name: string,
  replicas = 1,
  more: StringMap = {},
): Promise<void> {
  const script = 'require("http").createServer((q, s) => s.end(JSON.stringify(q.headers))).listen(8080)';
  const probe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  const container = {
    name: 'app',
    image: images.node,
    imagePullPolicy: 'IfNotPresent',
    command: ['node', '-e', script],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: probe,
  };
  await namespace.create(
    deployment({ name, replicas, containers: [container], annotations: { ...smallSidecar, ...more } }),
  );
  await namespace.create(service({ name, port: 8000, targetPort: 8080 }));
}

/** So that many fit. */
const smallSidecar = { 'sidecar.istio.io/proxyCPU': '5m', 'sidecar.istio.io/proxyMemory': '40Mi' };

export function urlOf(name: string): string {
  return `http://${name}:8000/`;
}

export async function untilAvailable(namespace: Namespace, name: string, replicas = 1): Promise<void> {
  await namespace.until(`${name} has ${replicas} replicas that are ready`, async () => {
    const deployed = await namespace.get('Deployment', name);
    return deployed !== undefined && statusNumber(deployed, 'readyReplicas') === replicas;
  });
}

export interface Answer {
  readonly status: number;
  /** Values of one name are one text, with commas. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Asks once; status 0 where nobody answers. */
export async function ask(
  namespace: Namespace,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const program = `fetch(${JSON.stringify(url)}, { headers: ${JSON.stringify(headers)} })
    .then(async (r) => { await r.text(); return { status: r.status, headers: Object.fromEntries(r.headers) }; }, () => ({ status: 0, headers: {} }))
    .then((answer) => console.log(JSON.stringify(answer)))`;
  return answerIn(await namespace.exec(`deploy/${client}`, 'app', ['node', '-e', program]));
}

function answerIn(text: string): Answer {
  const read: unknown = JSON.parse(text);
  if (!isObject(read)) throw new Error(`Cannot read an answer: ${text}`);
  return read as unknown as Answer;
}

/** Asks until the header has this value: after a change the first requests on old connections may take the old way. */
export async function untilHeader(
  namespace: Namespace,
  url: string,
  name: string,
  value: string | undefined,
): Promise<Answer> {
  return namespace.until(`${url} answers with ${name}: ${value}`, async () => {
    const answer = await ask(namespace, url);
    return answer.status === 200 && answer.headers[name] === value && answer;
  });
}

/** What a load saw. */
export interface Load {
  readonly total: number;
  /** Answers other than 200, and requests that nobody answered, each with when it was: seconds since the start. */
  readonly failures: readonly string[];
  /** Values of the header, each when it changed from the one before. */
  readonly values: readonly string[];
}

/** Asks at a steady rate while the body runs, each request on a connection of its own or an idle one. */
export async function underLoad(
  namespace: Namespace,
  { url, header, perSecond }: { readonly url: string; readonly header: string; readonly perSecond: number },
  body: () => Promise<void>,
): Promise<Load> {
  const program = `const http = require('http'), fs = require('fs'), started = Date.now();
const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
const seen = { total: 0, failures: [], values: [] };
const say = (what) => seen.failures.push(((Date.now() - started) / 1000).toFixed(2) + ' s: ' + what);
let open = 0;
const timer = setInterval(() => {
  if (fs.existsSync('/tmp/stop')) { clearInterval(timer); return; }
  open++; seen.total++;
  const request = http.get(${JSON.stringify(url)}, { agent, timeout: 10000 }, (r) => {
    r.resume(); r.on('end', () => { open--; end(); });
    if (r.statusCode !== 200) say(r.statusCode);
    const value = String(r.headers[${JSON.stringify(header)}]);
    if (seen.values.at(-1) !== value) seen.values.push(value);
  });
  request.on('timeout', () => request.destroy(new Error('10 s passed')));
  request.on('error', (e) => { open--; say(e.code || e.message); end(); });
}, ${1000 / perSecond});
const end = () => { if (open === 0 && fs.existsSync('/tmp/stop')) { console.log(JSON.stringify(seen)); process.exit(); } };
setInterval(end, 100);`;
  const pod = `deploy/${client}`;
  await namespace.exec(pod, 'app', ['rm', '-f', '/tmp/stop']);
  const load = namespace.exec(pod, 'app', ['node', '-e', program]);
  try {
    await Promise.race([body(), load]);
  } finally {
    await namespace.exec(pod, 'app', ['touch', '/tmp/stop']);
  }
  return JSON.parse(await load) as Load;
}

/**
 * Asks again and again from the moment on that the address is known, until so many were answered with 200.
 * @returns every answer of anybody, as `200 <header>`
 */
export async function askFromTheStart(
  namespace: Namespace,
  url: string,
  header: string,
  count: number,
): Promise<readonly string[]> {
  const once = `curl -s -m 5 -o /dev/null -w '%{http_code} %header{${header}}\\n' ${url} 2>/dev/null`;
  const script = `n=0; while [ $n -lt ${count} ]; do a=$(${once}); case $a in 000*) sleep 0.1;; 200*) echo "$a"; n=$((n+1));; *) echo "$a"; sleep 0.1;; esac; done`;
  const seen = await namespace.exec(`deploy/${client}`, 'curl', ['sh', '-c', script]);
  return seen.trim().split('\n');
}
