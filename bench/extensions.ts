// Answers: what do Wasm extensions cost an admission: a server that knows some beside one that knows none, which take
// turns under the same load.
// Does not belong here: how a turn is measured (measure.ts).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../src/core/model/json.ts';
import { type Client, pidOf, type Subject, startPillion } from './children.ts';
import { type Comparison, compare, type Plan } from './measure.ts';
import { reviewText } from './reviews.ts';

export const extensionCount = 50;
/** So many of them select the pod of the sample; one of these is of the root namespace. */
export const matchingCount = 3;

const { namespace, object } = JSON.parse(reviewText).request;

/** As `kubectl get wasmextensions -A -o json` prints them. */
function extensionList(): JsonObject {
  const items = Array.from({ length: extensionCount }, (_, index) => ({
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'WasmExtension',
    metadata: { name: `filter-${index}`, namespace: index % 5 === 0 ? 'istio-system' : namespace },
    spec: {
      source: { image: `oci://registry.example.com/filters/filter-${index}:1.0` },
      selector: { matchLabels: { app: index < matchingCount ? object.metadata.labels.app : `other-${index}` } },
      pluginConfig: { header: 'x-filter', value: String(index) },
    },
  }));
  return { apiVersion: 'v1', kind: 'List', items };
}

/** `floor` of the comparison is the server without extensions. */
export async function measureExtensions(client: Client, plan: Plan, warmUpSeconds: number): Promise<Comparison> {
  const directory = mkdtempSync(join(tmpdir(), 'pillion-extensions-'));
  const file = join(directory, 'extensions.json');
  writeFileSync(file, JSON.stringify(extensionList()));
  const servers = [await startPillion(), await startPillion(['--extensions', file])];
  try {
    const [without, having] = servers.map(
      ({ address, ca, child }, index): Subject => ({
        name: index === 0 ? 'without' : 'having',
        address,
        ca,
        pid: pidOf(child),
      }),
    );
    if (without === undefined || having === undefined) throw new Error('Cannot measure: a server is missing');
    await compare(client, [without, having], { ...plan, turns: 1, seconds: warmUpSeconds });
    return await compare(client, [without, having], plan);
  } finally {
    for (const server of servers) await server.stop();
    rmSync(directory, { recursive: true });
  }
}
