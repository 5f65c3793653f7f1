// Answers: what does a webhook of somebody else do with a pod. This file runs in the cluster, alone and as it stands: it
// may import nothing but what Node brings, and its types are taken off when it starts.
// Does not belong here: bringing it there (test-webhook.ts).
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

/** One step of a JSON patch. */
export interface PatchStep {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** What it answers to every pod. */
export type TestAnswer =
  /** Takes the proxy out, native or plain. */
  | { readonly kind: 'removes the sidecar' }
  /** As one that was built before the field: it reads the pod into its own types and prints it. */
  | { readonly kind: 'strips restartPolicy' }
  | { readonly kind: 'constant patch'; readonly patch: readonly PatchStep[] };

/** A pod with this label, whose value is the name of the webhook, is refused: so one sees that the webhook is called. */
export const probeLabel = 'test-webhook-probe';

interface TestPod {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly [list: string]: readonly { readonly name: string; readonly restartPolicy?: string }[] };
}

const proxy = 'istio-proxy';

/** From the end, so that the places of those before stay. */
function removeSidecar({ spec }: TestPod): readonly PatchStep[] {
  return ['initContainers', 'containers'].flatMap((list) =>
    (spec[list] ?? [])
      .flatMap(({ name }, at) => (name === proxy ? [{ op: 'remove', path: `/spec/${list}/${at}` }] : []))
      .reverse(),
  );
}

function stripRestartPolicy({ spec }: TestPod): readonly PatchStep[] {
  return (spec['initContainers'] ?? []).flatMap(({ restartPolicy }, at) =>
    restartPolicy === undefined ? [] : [{ op: 'remove', path: `/spec/initContainers/${at}/restartPolicy` }],
  );
}

function encoded(patch: readonly PatchStep[]): string {
  return Buffer.from(JSON.stringify(patch)).toString('base64');
}

/** What to do with a pod, as base64 of a JSON patch. A constant one is encoded once. */
function patcherOf(answer: TestAnswer): (pod: TestPod) => string {
  switch (answer.kind) {
    case 'removes the sidecar':
      return (pod) => encoded(removeSidecar(pod));
    case 'strips restartPolicy':
      return (pod) => encoded(stripRestartPolicy(pod));
    case 'constant patch': {
      const constant = encoded(answer.patch);
      return () => constant;
    }
  }
}

function serve(directory: string, port: number): void {
  const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8');
  const { name, answer } = JSON.parse(read('answer.json')) as { readonly name: string; readonly answer: TestAnswer };
  const patchOf = patcherOf(answer);
  const respond = (body: string): string => {
    const { apiVersion, kind, request } = JSON.parse(body);
    const { uid, object } = request as { readonly uid: string; readonly object: TestPod };
    const isProbe = object.metadata.labels?.[probeLabel] === name;
    const response = isProbe
      ? { uid, allowed: false, status: { message: probeLabel } }
      : { uid, allowed: true, patchType: 'JSONPatch', patch: patchOf(object) };
    return JSON.stringify({ apiVersion, kind, response });
  };
  const server = createServer({ cert: read('tls.crt'), key: read('tls.key') }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      outgoing.setHeader('Content-Type', 'application/json');
      outgoing.end(respond(Buffer.concat(chunks).toString()));
    });
  });
  server.keepAliveTimeout = 120_000; // longer than the API server keeps a connection
  server.listen(port);
  process.on('SIGTERM', () => process.exit());
}

const [, , directory, port] = process.argv;
if (import.meta.main && directory !== undefined) serve(directory, Number(port));
