// Answers: what does Pillion do, in one minute and without a cluster. A real server on loopback gets the pods of two
// workloads as an API server would send them; what comes back is applied and shown as kubectl would show it.
// Ends with an error where anything is not as the README promises.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fastJsonPatch from 'fast-json-patch';
import { parseAllDocuments } from 'yaml';
import { listCell, printTable } from '../src/cli/table.ts';
import { podOfWorkload, workloadKindOf } from '../src/cli/workloads.ts';
import { isObject, type JsonObject } from '../src/core/model/json.ts';
import { type ServerProcess, sendReview, startServer } from './server-process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const namespace = 'demo';

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The promise, and the way to find out what went wrong. */
function expect(isAsPromised: boolean, promise: string, seen: string): void {
  if (!isAsPromised) throw new Error(`Cannot show the demo: ${promise} was promised, but this came: ${seen}`);
}

/** The pod that the workload of an example gets, named as its controller would name it. */
function podOf(file: string): JsonObject {
  for (const document of parseAllDocuments(readFileSync(`${root}${file}`, 'utf8'))) {
    const object: unknown = document.toJS();
    const kind = isObject(object) ? workloadKindOf(object) : undefined;
    if (!isObject(object) || kind === undefined) continue;
    const { metadata, spec } = object;
    const name = isObject(metadata) ? String(metadata['name']) : '';
    const pod = podOfWorkload(kind, name, isObject(spec) ? spec['template'] : undefined);
    const made = isObject(pod['metadata']) ? pod['metadata'] : {};
    return { ...pod, metadata: { ...made, name: `${made['generateName']}x7k2p`, namespace } };
  }
  throw new Error(`Cannot show the demo: there is no workload in ${file}`);
}

/** Sends the pod in an AdmissionReview and applies the patch that comes back. */
async function admitted(server: ServerProcess, pod: JsonObject): Promise<JsonObject> {
  const kind = { group: '', version: 'v1', kind: 'Pod' };
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const request = {
    uid: randomUUID(),
    kind,
    resource,
    namespace,
    operation: 'CREATE',
    object: pod,
    oldObject: null,
    dryRun: false,
  };
  const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
  const { status, text } = await sendReview(server, JSON.stringify(review));
  expect(status === 200, 'an answer', `HTTP ${status}: ${text}`);
  const { response } = JSON.parse(text);
  expect(
    response.uid === request.uid && response.allowed === true && response.patchType === 'JSONPatch',
    'a patch',
    text,
  );
  const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'));
  return fastJsonPatch.applyPatch(structuredClone(pod), patch, true).newDocument;
}

function namesIn(pod: JsonObject, list: 'initContainers' | 'containers'): readonly string[] {
  const spec = isObject(pod['spec']) ? pod['spec'] : {};
  const containers: unknown = spec[list];
  return Array.isArray(containers) ? containers.map(({ name }) => String(name)) : [];
}

function row(pod: JsonObject): readonly string[] {
  const metadata = isObject(pod['metadata']) ? pod['metadata'] : {};
  return [String(metadata['name']), listCell(namesIn(pod, 'initContainers')), listCell(namesIn(pod, 'containers'))];
}

/** Runs `pillion why` as a person would. */
function why(file: string): string {
  const run = spawnSync(process.execPath, ['src/main.ts', 'why', '-f', file], { cwd: root, encoding: 'utf8' });
  expect(run.stdout.includes('host network'), 'the reason', `${run.stdout}${run.stderr}`);
  return run.stdout.trimEnd();
}

async function show(server: ServerProcess): Promise<void> {
  say(
    '2. Send it the pods of examples/sleep.yaml and examples/job.yaml as an API server would, and apply its patches.',
  );
  say('   With their containers as columns, "kubectl get pod" would show:\n');
  const before = ['examples/sleep.yaml', 'examples/job.yaml'].map(podOf);
  const after: JsonObject[] = [];
  for (const pod of before) after.push(await admitted(server, pod));
  say(printTable(['NAME', 'INIT', 'CONTAINERS'], after.map(row)));
  for (const [index, pod] of after.entries()) {
    expect(
      namesIn(pod, 'initContainers').join() === 'istio-init,istio-proxy',
      'istio-init,istio-proxy',
      row(pod).join(' '),
    );
    expect(
      namesIn(pod, 'containers').join() === namesIn(before[index] ?? {}, 'containers').join(),
      'the same containers',
      row(pod).join(' '),
    );
  }
  say('   The proxy is an init container that stays: it starts first, ends last, and lets the Job complete.\n');
  say('3. Ask why a pod is left alone\n');
  say('$ pillion why -f examples/host-network.yaml');
  say(`${why('examples/host-network.yaml')}\n`);
}

async function main(): Promise<void> {
  say('1. Start "pillion serve" on loopback, with certificates of its own');
  const server = await startServer();
  let exitCode: number | null = null;
  try {
    say(`   it answers on https://${server.address}/inject`);
    await show(server);
  } finally {
    exitCode = await server.stop();
  }
  expect(exitCode === 0, 'a server that stops when it is told to', `exit code ${exitCode}`);
  say('4. The server has stopped, and its certificates are removed');
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
