// Answers: what may stand in the injector values that injection uses.
// Does not belong here: where they go (values.ts), what the chart puts there (values-defaults.ts).
import { z } from 'zod';
import { isObject, type JsonObject } from '../model/json.ts';
import { plainText } from '../model/plain-text.ts';
import { isQuantity } from '../model/quantity.ts';

const largestInt32 = 2_147_483_647;
const largestPort = 65_535;

/** Text; a number or boolean is taken as it prints. */
function text(fallback: string, allowed?: readonly string[]) {
  return z
    .unknown()
    .optional()
    .transform((value, context) => {
      const read = value === undefined ? fallback : plainText(value);
      if (read === undefined) context.addIssue('must be text');
      else if (allowed !== undefined && !allowed.includes(read)) {
        context.addIssue(`must be one of ${allowed.map((word) => word || '""').join(', ')}`);
      }
      return read ?? fallback;
    });
}

/** A whole number, possibly in quotes. */
function count(fallback: number, largest = largestInt32) {
  return z
    .unknown()
    .optional()
    .transform((value, context) => {
      const read = value === undefined ? fallback : wholeNumber(value);
      if (read === undefined || read > largest) context.addIssue(`must be a whole number from 0 to ${largest}`);
      return read ?? fallback;
    });
}

/** The template takes a removed boolean for false, whatever the chart's default is. */
const boolean = z.boolean('must be true or false, without quotes').default(false);

const mapping = z
  .unknown()
  .optional()
  .transform((value, context) => {
    if (value === undefined) return undefined;
    if (isObject(value)) return Object.keys(value).length === 0 ? undefined : value;
    context.addIssue('must be a mapping');
    return undefined;
  });

const textList = z.array(text(''), 'must be a list of texts').default([]);

const amounts = z
  .record(
    z.string(),
    z.unknown().transform((value, context) => {
      const read = typeof value === 'boolean' ? undefined : plainText(value);
      if (read === undefined || !isQuantity(read)) {
        context.addIssue('must be a Kubernetes quantity, such as "100m" or "128Mi"');
      }
      return read ?? '';
    }),
    'must be a mapping of resource names to quantities',
  )
  .optional();

/** The template tests the value against true and fails on anything that is no boolean. */
const trustBundle = z
  .boolean("must be true or false, without quotes: Istio's template fails on text here")
  .default(false);

const proxy = section({
  image: text('proxyv2'),
  clusterDomain: text('cluster.local'),
  logLevel: text('warning'),
  componentLogLevel: text('misc:error'),
  includeInboundPorts: text('*'),
  excludeInboundPorts: text(''),
  includeIPRanges: text('*'),
  excludeIPRanges: text(''),
  includeOutboundPorts: text(''),
  excludeOutboundPorts: text(''),
  statusPort: count(15_020, largestPort).transform(String),
  readinessInitialDelaySeconds: count(0),
  readinessPeriodSeconds: count(15),
  readinessFailureThreshold: count(4),
  startupProbe: section({ enabled: boolean, failureThreshold: count(600) }),
  privileged: boolean,
  resources: z.looseObject({ requests: amounts, limits: amounts }, 'must be a mapping').optional(),
  seccompProfile: mapping,
  tracer: text('none', ['zipkin', 'lightstep', 'datadog', 'stackdriver', 'openCensusAgent', 'none']),
  outlierLogPath: text(''),
  lifecycle: mapping,
  holdApplicationUntilProxyStarts: boolean,
  capNetBindService: text(''),
});

export const valuesSchema = section({
  revision: text(''),
  global: section({
    hub: text('registry.istio.io/testing'),
    tag: text('latest'),
    variant: text(''),
    imagePullPolicy: text('', ['', 'Always', 'IfNotPresent', 'Never']),
    imagePullSecrets: textList,
    istioNamespace: text('istio-system'),
    caAddress: text(''),
    caName: text(''),
    meshID: text(''),
    network: text(''),
    trustBundleName: text(''),
    trustDomain: text(''),
    multiCluster: section({ clusterName: text('') }),
    pilotCertProvider: text('istiod'),
    mountMtlsCerts: boolean,
    sds: section({ token: section({ aud: text('istio-ca') }) }),
    sts: section({ servicePort: count(0, largestPort) }),
    logAsJson: boolean,
    logging: section({ level: text('default:info') }),
    nativeNftables: boolean,
    proxy,
    proxy_init: section({ image: text('proxyv2'), forceApplyIptables: boolean }),
  }),
  pilot: section({
    cni: section({ enabled: boolean, provider: text('default') }),
    env: section({ ENABLE_CLUSTER_TRUST_BUNDLE_API: trustBundle }),
    crlConfigMapName: text('istio-ca-crl'),
  }),
  gateways: section({ securityContext: mapping }),
  sidecarInjectorWebhook: section({ rewriteAppHTTPProbe: boolean }),
});

function section<T extends z.ZodRawShape>(shape: T) {
  return z.object(shape, 'must be a mapping');
}

function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'string' && /^\d{1,10}$/.test(value)) return Number(value);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** The value without null members; nulls in lists stay, because taking them out would move the others. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member)]));
}

/** What the chart calls omitNil: without nulls and without what became empty by that; undefined where nothing is left. */
export function withoutEmpties(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) {
    const kept = value.map(withoutEmpties).filter((member) => member !== undefined);
    return kept.length === 0 ? undefined : kept;
  }
  if (!isObject(value)) return value;
  const kept = Object.entries(value).map(([key, member]) => [key, withoutEmpties(member)] as const);
  const left: JsonObject = Object.fromEntries(kept.filter(([, member]) => member !== undefined));
  return Object.keys(left).length === 0 ? undefined : left;
}
