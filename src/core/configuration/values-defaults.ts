// Answers: what do the injector values say where nobody changed them: the defaults of the chart istiod, development
// state of 1.32, of what injection uses.

import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';

export const defaultValues = freeze({
  revision: '',
  global: {
    hub: 'registry.istio.io/testing',
    tag: 'latest',
    variant: '',
    imagePullPolicy: '',
    imagePullSecrets: [],
    istioNamespace: 'istio-system',
    caAddress: '',
    caName: '',
    meshID: '',
    network: '',
    multiCluster: { clusterName: '' },
    pilotCertProvider: 'istiod',
    mountMtlsCerts: false,
    sds: { token: { aud: 'istio-ca' } },
    sts: { servicePort: 0 },
    logAsJson: false,
    logging: { level: 'default:info' },
    nativeNftables: false,
    proxy: {
      image: 'proxyv2',
      autoInject: 'enabled',
      clusterDomain: 'cluster.local',
      logLevel: 'warning',
      componentLogLevel: 'misc:error',
      includeInboundPorts: '*',
      excludeInboundPorts: '',
      includeIPRanges: '*',
      excludeIPRanges: '',
      includeOutboundPorts: '',
      excludeOutboundPorts: '',
      statusPort: 15_020,
      readinessInitialDelaySeconds: 0,
      readinessPeriodSeconds: 15,
      readinessFailureThreshold: 4,
      startupProbe: { enabled: true, failureThreshold: 600 },
      privileged: false,
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2000m', memory: '1024Mi' } },
      seccompProfile: {},
      tracer: 'none',
      outlierLogPath: '',
    },
    proxy_init: { image: 'proxyv2', forceApplyIptables: false },
  },
  pilot: { cni: { enabled: false, provider: 'default' }, env: {} },
  gateways: { securityContext: {}, seccompProfile: {} },
  sidecarInjectorWebhook: {
    neverInjectSelector: [],
    alwaysInjectSelector: [],
    injectedAnnotations: {},
    rewriteAppHTTPProbe: true,
    templates: {},
    defaultTemplates: [],
  },
});

/**
 * The parts of the values that templates look into without asking whether they are there. A document without one of
 * them was not made by the chart, and gets the chart's.
 */
const sections = [
  'global',
  'global.multiCluster',
  'global.sds',
  'global.sds.token',
  'global.sts',
  'global.logging',
  'global.proxy',
  'global.proxy.startupProbe',
  'global.proxy_init',
  'pilot',
  'pilot.cni',
  'pilot.env',
  'gateways',
  'sidecarInjectorWebhook',
];

/** The document with the chart's section wherever a whole section is absent. */
export function withSections(document: JsonObject): JsonObject {
  return sections.reduce((filled, path) => withSection(filled, path.split('.'), defaultValues), document);
}

function withSection(document: JsonObject, path: readonly string[], chart: JsonObject): JsonObject {
  const [key = '', ...rest] = path;
  const written = document[key];
  if (written === undefined) return { ...document, [key]: chart[key] };
  if (rest.length === 0 || !isObject(written)) return document;
  return { ...document, [key]: withSection(written, rest, chart[key] as JsonObject) };
}
