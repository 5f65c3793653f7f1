// Answers: how does a test get a WasmExtension, and facts that know some, in one line.
import { withSurroundings } from '../../../src/core/configuration/surroundings.ts';
import type { ExtensionFacts } from '../../../src/core/model/delivered.ts';
import type { Facts, NamespaceFacts } from '../../../src/core/model/facts.ts';
import type { JsonObject } from '../../../src/core/model/json.ts';
import type { KubeObject } from '../../../src/core/model/kube-object.ts';
import type { StringMap } from '../../../src/core/model/pod.ts';
import { extensionTable, readDeliverable } from '../../../src/core/wasm/delivery/extension-table.ts';

/** An extension that selects app=web, `name` or `namespace/name`; what is given goes over its spec. */
export function extension(name: string, spec: JsonObject = {}): KubeObject {
  const [first = '', second] = name.split('/');
  return {
    apiVersion: 'pillion.dev/v1alpha1',
    kind: 'WasmExtension',
    metadata: second === undefined ? { name: first, namespace: 'default' } : { name: second, namespace: first },
    spec: {
      source: { image: `oci://registry.example.com/team/${first}:1.0` },
      selector: { matchLabels: { app: 'web' } },
      ...spec,
    },
  };
}

export function tableOf(...objects: readonly KubeObject[]): ExtensionFacts {
  return extensionTable(objects.map(readDeliverable));
}

/** The facts with these extensions, in a cluster whose namespaces enforce these levels. */
export function knowing(facts: Facts, objects: readonly KubeObject[], levels: StringMap = {}): Facts {
  const namespaces = Object.entries(levels).map(([name, level]): [string, NamespaceFacts] => {
    const labels = { 'istio-injection': 'enabled', 'pod-security.kubernetes.io/enforce': level };
    return [name, { labels, annotations: {} }];
  });
  return withSurroundings(facts, {
    nodes: undefined,
    apiServer: 'keeps',
    namespaces: new Map(namespaces),
    proxyConfigs: [],
    extensions: tableOf(...objects),
  });
}
