// Answers: what do the injector values say (key `values` of ConfigMap istio-sidecar-injector), as far as injection
// uses them.
// Does not belong here: what may stand in them (values-schema.ts), how settings are laid over them (values-overrides.ts).
import type { z } from 'zod';
import { freeze } from '../model/freeze.ts';
import { isObject, type JsonObject } from '../model/json.ts';
import { shown } from '../model/plain-text.ts';
import { fail, ok, type Problem, type Result } from '../model/problem.ts';
import type { Values } from '../model/settings.ts';
import { withSections } from './values-defaults.ts';
import { valuesSchema, withoutEmpties, withoutNulls } from './values-schema.ts';

/**
 * Reads a values document. It is taken to be complete, as the chart writes it: what the chart's defaults hold and the
 * document does not has been taken out of it (by a null, as Helm does), so resources, the startup probe and probe
 * rewriting that are absent are off; absent text is the chart's. Sections that are absent as wholes are the chart's.
 * @returns the values, frozen, or every problem, with paths such as `global.proxy.statusPort`
 */
export function readValues(document: unknown): Result<Values> {
  if (!isObject(document)) return fail([{ path: '', value: shown(document), expected: 'must be a mapping' }]);
  const whole = withSections(withoutNulls(document) as JsonObject);
  const read = valuesSchema.safeParse(whole);
  if (!read.success) return fail(read.error.issues.map((issue) => problemOf(issue, whole)));
  return ok(freeze(arrange(read.data)));
}

function problemOf(issue: z.core.$ZodIssue, document: JsonObject): Problem {
  const value = issue.path.reduce<unknown>((at, key) => (at as JsonObject | undefined)?.[String(key)], document);
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return { path: path.slice(1), value: value === undefined ? undefined : shown(value), expected: issue.message };
}

function arrange(read: z.output<typeof valuesSchema>): Values {
  const { global, pilot } = read;
  const { multiCluster, sds, sts, logging, proxy_init: proxyInit, proxy, ...rest } = global;
  return {
    revision: read.revision,
    global: {
      ...rest,
      clusterName: multiCluster.clusterName,
      tokenAudience: sds.token.aud,
      stsServicePort: sts.servicePort,
      logLevel: logging.level,
      proxyInit,
      proxy: {
        ...proxy,
        resources: withoutEmpties(proxy.resources) as JsonObject | undefined,
      },
    },
    cni: pilot.cni,
    clusterTrustBundle: pilot.env.ENABLE_CLUSTER_TRUST_BUNDLE_API,
    crlConfigMapName: pilot.crlConfigMapName,
    gatewaySecurityContext: read.gateways.securityContext,
    rewriteAppHTTPProbe: read.sidecarInjectorWebhook.rewriteAppHTTPProbe,
  };
}
