// Answers: which pods, settings and texts do the properties try. Pods that an API server could send, with everything
// that injection looks at: ports, probes and hooks of every kind, sidecars, an istio-proxy of the user's own.
import fc from 'fast-check';
import type { Facts } from '../../src/core/model/facts.ts';
import type { Container, Pod, StringMap } from '../../src/core/model/pod.ts';
import { annotations, labels, prometheusAnnotations } from '../../src/core/settings/catalogue.ts';
import { facts } from '../builders.ts';

/** The value as JSON would bring it: plain objects, and nothing that is undefined. */
export function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

/** A record with some of the fields. */
function some<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const word = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
const portNumber = fc.constantFrom(80, 443, 8080, 9090, 15020, 15021);
const portName = fc.constantFrom('http', 'web', 'tcp-x', 'no-such');
const port = fc.oneof(portNumber, portName);

const header = fc.record({ name: fc.constantFrom('Host', 'X-A'), value: word });
const httpGet = fc.record(
  {
    port,
    path: fc.constantFrom('/', '/ready', 'live?x=1&y=ä'),
    scheme: fc.constantFrom('HTTP', 'HTTPS'),
    host: fc.constantFrom('', '127.0.0.1', 'localhost'),
    httpHeaders: fc.array(header, { maxLength: 2 }),
  },
  { requiredKeys: ['port'] },
);
const tcpSocket = fc.record({ port, host: fc.constant('10.0.0.1') }, { requiredKeys: ['port'] });
const exec = fc.record({ command: fc.array(word, { minLength: 1, maxLength: 3 }) });
const handler: fc.Arbitrary<object> = fc.oneof(
  fc.record({ httpGet }),
  fc.record({ tcpSocket }),
  fc.record({ grpc: fc.record({ port: portNumber, service: word }, { requiredKeys: ['port'] }) }),
  fc.record({ exec }),
);
const timing = some({
  timeoutSeconds: fc.integer({ min: 1, max: 30 }),
  periodSeconds: fc.constant(10),
  failureThreshold: fc.constant(3),
});
export const probe: fc.Arbitrary<object> = fc.tuple(handler, timing).map(([what, when]) => ({ ...what, ...when }));
const hook = fc.oneof(
  fc.record({ httpGet }),
  fc.record({ tcpSocket }),
  fc.record({ exec }),
  fc.constant({ sleep: { seconds: 3 } }),
);

const envVar = fc.oneof(
  fc.record({
    name: fc.constantFrom('A', 'B', 'ISTIO_META_X', 'PROXY_CONFIG', 'HOST_IP'),
    value: fc.string({ unit: 'grapheme', maxLength: 8 }),
  }),
  fc.constant({ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }),
);
const mount = fc.record({
  name: fc.constantFrom('data', 'istio-token'),
  mountPath: fc.constantFrom('/data', '/var/run/secrets/x'),
});
const securityContext = some({
  runAsUser: fc.constantFrom(0, 1000, 1337),
  runAsGroup: fc.constant(3000),
  privileged: fc.boolean(),
  capabilities: fc.constant({ drop: ['ALL'] }),
  readOnlyRootFilesystem: fc.boolean(),
});
const resources = some({ requests: fc.constant({ cpu: '100m' }), limits: fc.constant({ memory: '1Gi', cpu: 2 }) });
const containerPort = some({ name: fc.constantFrom('http', 'web', 'tcp-x'), protocol: fc.constantFrom('TCP', 'UDP') });

/** Fields of a container besides its name. */
const containerFields: fc.Arbitrary<object> = some({
  image: fc.constantFrom('example.com/a:1', 'auto'),
  command: fc.array(word, { maxLength: 2 }),
  args: fc.array(word, { maxLength: 2 }),
  env: fc.uniqueArray(envVar, { maxLength: 3, selector: ({ name }) => name }),
  ports: fc.uniqueArray(
    fc.tuple(containerPort, portNumber).map(([rest, number]) => ({ ...rest, containerPort: number })),
    { maxLength: 3, selector: ({ containerPort: number }) => number },
  ),
  resources,
  securityContext,
  volumeMounts: fc.uniqueArray(mount, { maxLength: 2, selector: ({ mountPath }) => mountPath }),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  lifecycle: some({ postStart: hook, preStop: hook }),
  stdin: fc.constant(true),
  futureField: fc.constantFrom('x', { deep: [{ er: 1 }] }),
});

const named = (names: fc.Arbitrary<string>): fc.Arbitrary<Container> =>
  fc.tuple(names, containerFields).map(([name, fields]) => ({ name, ...fields }));
const apps = fc.uniqueArray(named(fc.constantFrom('app', 'web', 'db', 'log')), {
  minLength: 1,
  maxLength: 3,
  selector: ({ name }) => name,
});
const ownProxy = fc.option(named(fc.constant('istio-proxy')), { nil: undefined, freq: 3 });
const initContainers = fc.uniqueArray(
  fc
    .tuple(named(fc.constantFrom('init', 'migrate', 'sidecar')), fc.boolean())
    .map(([container, stays]): Container => (stays ? { ...container, restartPolicy: 'Always' } : container)),
  { maxLength: 2, selector: ({ name }) => name },
);
const volumes = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('data', 'cache', 'istio-envoy'), emptyDir: fc.constant({}) }),
  { maxLength: 2, selector: ({ name }) => name },
);

/** Values that can stand in an annotation of the catalogue, by name. Those that are not listed take a word. */
const annotationValues: { readonly [Name in keyof typeof annotations]?: readonly string[] } = {
  nativeSidecar: ['true', 'false'],
  templates: ['sidecar', 'gateway', 'grpc-agent', 'grpc-simple', 'sidecar,gateway'],
  proxyConfig: [
    'holdApplicationUntilProxyStarts: true',
    '{"concurrency": 0}',
    'proxyMetadata:\n  A: "b"\n',
    'interceptionMode: TPROXY',
  ],
  proxyImage: ['example.com/proxy:2', 'ignored'],
  proxyImageType: ['distroless', 'debug'],
  proxyCpu: ['10m', '1'],
  proxyMemory: ['64Mi'],
  proxyCpuLimit: ['2'],
  proxyMemoryLimit: ['1Gi'],
  userVolume: ['{"extra": {"emptyDir": {}}}'],
  userVolumeMount: ['{"extra": {"mountPath": "/extra"}}'],
  statusPort: ['15020', '0', '15099'],
  readinessInitialDelaySeconds: ['3'],
  readinessPeriodSeconds: ['5'],
  readinessFailureThreshold: ['7'],
  rewriteAppHTTPProbers: ['true', 'false'],
  interceptionMode: ['REDIRECT', 'TPROXY', 'NONE'],
  includeOutboundIPRanges: ['*', '10.0.0.0/8'],
  excludeOutboundIPRanges: ['10.1.0.0/16'],
  includeInboundPorts: ['*', '80,443', ''],
  excludeInboundPorts: ['8080'],
  includeOutboundPorts: ['5432'],
  excludeOutboundPorts: ['6379'],
  excludeInterfaces: ['net1'],
  kubevirtInterfaces: ['k6t-1'],
  rerouteVirtualInterfaces: ['net2'],
  cniNetworks: ['mine', '[{"name": "mine"}]'],
  mergeMetrics: ['true', 'false'],
  datadogEnv: ['{"A": "b"}'],
};
/** What an earlier injection wrote is for the properties to make, not to guess. */
const leftOut: ReadonlySet<string> = new Set(['inject', 'overrides', 'status']);

const catalogued = fc.record(
  Object.fromEntries(
    Object.entries(annotations)
      .filter(([name]) => !leftOut.has(name))
      .map(([name, { key }]) => [
        key,
        fc.constantFrom(...(annotationValues[name as keyof typeof annotationValues] ?? ['word', 'a-b'])),
      ]),
  ),
  { requiredKeys: [] },
);
const scraping = some<Record<string, string>>({
  [prometheusAnnotations.scrape.shown]: fc.constantFrom('true', 'false'),
  [prometheusAnnotations.port.shown]: fc.constantFrom('9090', '8080'),
  [prometheusAnnotations.path.shown]: fc.constant('/m'),
  prometheus_io_port: fc.constant('9090'),
  'example.com/free': fc.string({ unit: 'grapheme' }),
});
/** Few at a time: pods with forty annotations would hide what one of them does. */
const podAnnotations = fc
  .tuple(catalogued, fc.array(fc.nat(40), { maxLength: 5 }), fc.option(scraping))
  .map(([all, picks, scrape]) => {
    const entries = Object.entries(all);
    const chosen = picks.flatMap((pick) =>
      entries.length === 0 ? [] : [entries[pick % entries.length] as [string, string]],
    );
    return { ...Object.fromEntries(chosen), ...scrape };
  });
const podLabels = fc.record(
  Object.fromEntries(
    Object.values(labels)
      .filter(({ key }) => key !== labels.inject.key && key !== labels.revision.key)
      .map(({ key }) => [key, fc.constantFrom('a', 'v1', 'fake')]),
  ),
  { requiredKeys: [] },
);
const owner = fc.record({
  apiVersion: fc.constantFrom('apps/v1', 'batch/v1'),
  kind: fc.constantFrom('ReplicaSet', 'Job', 'StatefulSet'),
  name: fc.constantFrom('web-fake', 'nightly-123'),
  controller: fc.constant(true),
});

/** A well-formed pod that is not injected yet and may be. */
export const arbitraryPod: fc.Arbitrary<Pod> = fc
  .record({
    apps,
    ownProxy,
    initContainers,
    volumes,
    annotations: podAnnotations,
    labels: podLabels,
    owners: fc.array(owner, { maxLength: 1 }),
    spec: some({
      serviceAccountName: word,
      securityContext: some({ runAsUser: fc.constant(1000), fsGroup: fc.constant(1) }),
      restartPolicy: fc.constant('Never'),
    }),
  })
  .map(
    ({ apps: containers, ownProxy: proxy, owners, spec, ...parts }): Pod => ({
      metadata: {
        generateName: 'web-',
        labels: parts.labels as StringMap,
        annotations: parts.annotations as StringMap,
        ...(owners.length === 0 ? {} : { ownerReferences: owners }),
      },
      spec: {
        ...(spec as object),
        containers: proxy === undefined ? containers : [...containers, proxy],
        ...(parts.initContainers.length === 0 ? {} : { initContainers: parts.initContainers }),
        ...(parts.volumes.length === 0 ? {} : { volumes: parts.volumes }),
      },
    }),
  )
  .map(asJson);

const settings = {
  native: facts({ native: 'true' }),
  plain: facts({ native: 'false' }),
  'native with CNI': facts({ native: 'true', set: ['pilot.cni.enabled=true'] }),
  'plain with CNI, held': facts({
    native: 'false',
    set: ['pilot.cni.enabled=true', 'global.proxy.holdApplicationUntilProxyStarts=true'],
  }),
  'pull secrets': facts({ native: 'true' }, { overrides: { global: { imagePullSecrets: ['pull'], network: 'n1' } } }),
  openshift: facts({ native: 'true', platform: 'openshift' }),
  'plain TPROXY without metrics': facts(
    { native: 'false' },
    { mesh: { enablePrometheusMerge: false, defaultConfig: { interceptionMode: 'TPROXY' } } },
  ),
} as const;

/** Settings under which pods are injected, by name, so that a counterexample can be read. */
export type SettingsName = keyof typeof settings;
export const arbitrarySettings: fc.Arbitrary<SettingsName> = fc.constantFrom(
  ...(Object.keys(settings) as SettingsName[]),
);

export function factsNamed(name: SettingsName): Facts {
  return settings[name];
}
