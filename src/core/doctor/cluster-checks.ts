// Answers: what of the cluster itself is in the way: its API server, its version, what the user may do, its nodes.
import { betaMinor, hasPolicies, oldestMinor } from '../cluster/kubernetes-version.ts';
import { nodeTable } from '../configuration/node-table.ts';
import { minorOfMinimum } from '../model/facts.ts';
import { fewOf } from '../model/plain-text.ts';
import { type CheckResult, checked, checkSeen, unchecked } from './check-result.ts';
import { count, type Finding, found } from './findings.ts';
import type { Knowledge } from './knowledge.ts';
import type { Observations, Observed } from './observations.ts';

export function checkApiServer({ version, server }: Observations): CheckResult {
  if (version.kind === 'hidden' && !version.isForbidden) {
    return checked('it does not answer', [found('api-server-unreachable', `${server}: ${version.why}`)]);
  }
  return checked(server);
}

export function checkVersion({ version }: Observations, { kubernetes }: Knowledge): CheckResult {
  return checkSeen(version, () => {
    if (kubernetes === undefined) return unchecked('its version cannot be read');
    const { text, minor } = kubernetes;
    if (minor < oldestMinor) return checked(text, [found('kubernetes-too-old', `The API server is of ${text}`)]);
    if (!hasPolicies(minor)) return checked(text, [found('kubernetes-without-guard', `The API server is of ${text}`)]);
    return checked(text);
  });
}

/** What is read, in the words of a person who has to ask for the right. */
const parts: readonly (readonly [keyof Observations, string])[] = [
  ['version', '/version'],
  ['ownNamespace', 'namespace pillion-system'],
  ['deployments', 'Deployments in pillion-system'],
  ['options', 'ConfigMap pillion-options in pillion-system'],
  ['lease', 'Lease pillion-control in pillion-system'],
  ['controlRole', 'ClusterRole pillion-control'],
  ['certificates', 'Secret pillion-certificates in pillion-system'],
  ['configurations', 'MutatingWebhookConfigurations'],
  ['mesh', "Istio's ConfigMap istio"],
  ['injector', "Istio's ConfigMap istio-sidecar-injector"],
  ['proxyConfigs', 'ProxyConfigs'],
  ['extensions', 'WasmExtensions'],
  ['stores', 'Pods in pillion-node'],
  ['policies', 'ValidatingAdmissionPolicies'],
  ['namespaces', 'Namespaces'],
  ['nodes', 'Nodes'],
  ['pods', 'Pods'],
  ['quotas', 'ResourceQuotas'],
];

export function checkRights(observed: Observations): CheckResult {
  const hidden = parts.flatMap(([part, name]) => {
    const one = observed[part] as Observed<unknown>;
    return one.kind === 'hidden' ? [{ name, ...one }] : [];
  });
  const forbidden = hidden.filter(({ isForbidden }) => isForbidden).map(({ name }) => name);
  const failing = hidden.filter(({ isForbidden }) => !isForbidden);
  const places = observed.probes.flatMap(({ outcome, place }) =>
    outcome.kind === 'forbidden' ? [place.namespace] : [],
  );
  const findings: Finding[] = [
    ...(forbidden.length === 0 ? [] : [found('not-allowed', `You may not read ${fewOf(forbidden, parts.length)}`)]),
    ...(places.length === 0
      ? []
      : [found('not-allowed', `You may not create pods in ${fewOf([...new Set(places)])}, not even by dry run`)]),
    ...failing.map(({ name, why }) => found('not-readable', `${name}: ${why}`)),
  ];
  return checked(findings.length === 0 ? 'everything can be read' : 'something cannot be read', findings);
}

export function checkNodes({ nodes }: Observations, { options }: Knowledge): CheckResult {
  return checkSeen(nodes, (list) => {
    if (list.length === 0) return unchecked('there is no node');
    const isForced = options.native === 'true';
    const minimum = isForced ? betaMinor : minorOfMinimum(options.nativeMinimumKubelet);
    const { tooOld, versions } = nodeTable(list, minimum);
    const saw = `kubelets are of ${versions}`;
    if (options.native === 'false') return checked(`${saw}; native sidecars are switched off`);
    if (tooOld.size === 0) return checked(saw);
    const few = fewOf([...tooOld].map(({ name, kubeletVersion }) => `${name} (${kubeletVersion})`));
    const what = `${tooOld.size} of ${count(list.length, 'node')} with a kubelet before 1.${minimum}: ${few}`;
    return checked(saw, [found(isForced ? 'native-forced' : 'kubelets-too-old', what)]);
  });
}
