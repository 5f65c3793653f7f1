// Answers: can this cluster take an installation with these options, and what should its owner know.
// Does not belong here: asking the cluster (edge/kube/survey.ts).
import { hasPolicies, oldestMinor, policiesMinor } from '../cluster/kubernetes-version.ts';
import { names, ownNamespace } from '../cluster/names.ts';
import type { ClusterOptions } from '../cluster/options.ts';
import type { Overlap } from '../cluster/overlap.ts';
import { nodeTable } from '../configuration/node-table.ts';
import { minorOfMinimum, type NodeFacts } from '../model/facts.ts';
import { quoted } from '../model/problem.ts';
import { type ExtensionsThere, extensionsRefusal, type Fate } from './extensions-there.ts';

/** What is looked at before anything is written. */
export interface Survey {
  /** Minor version of the API server; undefined where its text is none. */
  readonly minor: number | undefined;
  readonly hasIstioNamespace: boolean;
  readonly hasCertManager: boolean;
  readonly nodes: readonly NodeFacts[];
  /** Webhooks that would inject the pods that we would inject. */
  readonly overlaps: readonly Overlap[];
  /** What loses its agents, where the options switch Wasm extensions off. */
  readonly extensions: ExtensionsThere;
}

/** What a person has said beforehand. */
export interface Leave {
  readonly mayOverlap?: boolean;
  readonly fate?: Fate | undefined;
}

export interface Fit {
  /** Why nothing can be installed; each one line with its remedy. */
  readonly refusals: readonly string[];
  /** What goes on all the same, and should be known. */
  readonly notes: readonly string[];
}

/** Looks at everything before it refuses, so that a person can put it all right at once. */
export function fitOf(survey: Survey, options: ClusterOptions, { mayOverlap = false, fate }: Leave = {}): Fit {
  const overlaps = overlapText(survey.overlaps);
  const undecided = fate === undefined ? extensionsRefusal('switch wasm.enabled off', survey.extensions) : undefined;
  return {
    refusals: [
      ...tooOld(survey),
      ...missing(survey, options),
      ...(undecided === undefined ? [] : [undecided]),
      ...(mayOverlap
        ? []
        : overlaps.map((text) => `Cannot install: ${text}\n  Or, for the time of a move: --allow-overlap`)),
    ],
    notes: [
      ...withoutGuard(survey, options),
      ...plainSidecars(survey, options),
      ...secretToBring(options),
      ...(fate !== undefined && options.wasm.enabled ? [nothingLeft] : []),
      ...(mayOverlap ? overlaps : []),
    ],
  };
}

const nothingLeft = '--extensions changes nothing: wasm.enabled is on; it goes off with --set wasm.enabled=false';

function tooOld({ minor }: Survey): readonly string[] {
  if (minor === undefined || minor >= oldestMinor) return [];
  return [`Cannot install: this is Kubernetes 1.${minor}; upgrade it to 1.${policiesMinor} or later`];
}

function missing({ hasIstioNamespace, hasCertManager }: Survey, options: ClusterOptions): readonly string[] {
  const istio = `Cannot install: there is no namespace ${quoted(options.istioNamespace)}; install Istio's control plane first, or name its namespace with --set istioNamespace=NAME`;
  const certManager =
    'Cannot install: certificates.source is cert-manager, and it is not in this cluster; install it first, or choose another source';
  return [
    ...(hasIstioNamespace ? [] : [istio]),
    ...(options.certificates.source === 'cert-manager' && !hasCertManager ? [certManager] : []),
  ];
}

function withoutGuard({ minor }: Survey, { wasm }: ClusterOptions): readonly string[] {
  if (minor === undefined || minor < oldestMinor || hasPolicies(minor)) return [];
  const open = 'nothing keeps the modules of the node store to the extensions that brought them (docs/wasm.md)';
  return [
    `Kubernetes 1.${minor} has no stable admission policies: there is no guard, and the webhook is called for mirror pods too${wasm.enabled ? `; and ${open}` : ''}`,
  ];
}

function plainSidecars(
  { nodes }: Survey,
  { native, nativeMinimumKubelet, jobCompletion }: ClusterOptions,
): readonly string[] {
  if (native !== 'auto') return [];
  const { tooOld } = nodeTable(nodes, minorOfMinimum(nativeMinimumKubelet));
  if (tooOld.size === 0) return [];
  const { versions } = nodeTable([...tooOld], 0);
  const count = `${tooOld.size} of ${nodes.length} nodes`;
  const jobs = jobCompletion
    ? 'which pillion control ends once the containers of a Job have ended'
    : 'with which Jobs do not complete; --set jobCompletion=true lets pillion control end them (docs/job-completion.md)';
  return [
    `${count} run a kubelet older than ${nativeMinimumKubelet} (${versions}): pods that can land there get plain sidecars, ${jobs}`,
  ];
}

function secretToBring({ certificates }: ClusterOptions): readonly string[] {
  if (certificates.source !== 'external') return [];
  return [
    `certificates.source is external: the webhook starts once Secret ${ownNamespace}/${names.certificates} holds tls.crt, tls.key and ca.crt`,
  ];
}

/** One text about all of them: istiod has four webhooks, and one remedy. None where there is no overlap. */
function overlapText(overlaps: readonly Overlap[]): readonly string[] {
  if (overlaps.length === 0) return [];
  const webhooks = overlaps.map(
    ({ configuration, webhook, because }) =>
      `webhook ${quoted(webhook)} of MutatingWebhookConfiguration ${quoted(configuration)}: ${because}`,
  );
  const remedies = [...new Set(overlaps.map(({ remedy }) => remedy))];
  return [['others would inject the same pods', ...webhooks, ...remedies].join('\n  ')];
}
