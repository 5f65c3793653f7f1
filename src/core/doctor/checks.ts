// Answers: what is wrong with an installation, in the order in which it has to be put right. Each line is a check; one
// that cannot say anything says why.
// Does not belong here: gathering what is judged (edge/kube/observe.ts), printing it (cli/doctor-text.ts).
import { checkCertificate } from './certificate-check.ts';
import { type CheckResult, notInstalled, unchecked } from './check-result.ts';
import { checkApiServer, checkNodes, checkRights, checkVersion } from './cluster-checks.ts';
import type { Severity } from './findings.ts';
import { checkControl, checkInstallation, checkOptions } from './installation-checks.ts';
import { type Knowledge, knowledgeOf } from './knowledge.ts';
import { checkModules } from './modules.ts';
import type { Observations } from './observations.ts';
import { checkPodSecurity, checkQuotas } from './pod-security.ts';
import { checkJobs, checkPods } from './pods.ts';
import { checkReach } from './reach.ts';
import { checkNamespaces, checkOverlap, checkRegistration } from './registration-checks.ts';
import { checkSettings } from './settings-check.ts';
import { checkLateLabels, checkRestartPolicy } from './strip.ts';

interface CheckRow {
  readonly title: string;
  readonly doc: string;
  /** Says nothing where Pillion is not there. */
  readonly needsInstallation?: true;
  readonly run: (observed: Observations, known: Knowledge) => CheckResult;
}

const whereInstalled = { needsInstallation: true } as const;

/** By id, in their order. Public: `-o json` names them. */
export const checks = {
  'api-server': { title: 'API server', doc: 'It answers.', run: checkApiServer },
  version: { title: 'Kubernetes', doc: 'Its version is supported.', run: checkVersion },
  rights: {
    title: 'Rights',
    doc: 'The user may read all that is checked, and create pods by dry run.',
    run: checkRights,
  },
  installation: {
    title: 'Installation',
    doc: 'Pillion is there, and its replicas are available.',
    run: checkInstallation,
  },
  options: { title: 'Options', doc: 'ConfigMap pillion-options can be read.', ...whereInstalled, run: checkOptions },
  control: { title: 'Control', doc: 'A replica of pillion-control leads.', ...whereInstalled, run: checkControl },
  registration: {
    title: 'Registration',
    doc: 'The MutatingWebhookConfiguration is there, and as the options ask.',
    ...whereInstalled,
    run: checkRegistration,
  },
  overlap: { title: 'Other injectors', doc: 'None is called for the pods that we are called for.', run: checkOverlap },
  webhook: {
    title: 'Webhook',
    doc: 'The API server reaches it: a pod that should be injected is created by dry run.',
    ...whereInstalled,
    run: checkReach,
  },
  certificate: {
    title: 'Certificate',
    doc: 'What the webhook shows is signed by what the registration trusts, for the right host, and lasts.',
    ...whereInstalled,
    run: checkCertificate,
  },
  settings: {
    title: 'Settings',
    doc: "The ConfigMaps of Istio's control plane can be read, are of the version whose pods we make, and are in use.",
    run: checkSettings,
  },
  'restart-policy': {
    title: 'restartPolicy',
    doc: 'No webhook takes restartPolicy: Always off init containers: pods with a native sidecar are created by dry run.',
    run: checkRestartPolicy,
  },
  'late-labels': {
    title: 'Late labels',
    doc: 'No webhook that is called after ours labels pods for injection.',
    ...whereInstalled,
    run: checkLateLabels,
  },
  namespaces: { title: 'Namespaces', doc: 'Their labels say one thing, and somebody serves it.', run: checkNamespaces },
  pods: {
    title: 'Pods',
    doc: 'Running pods that should have a sidecar have one.',
    ...whereInstalled,
    run: checkPods,
  },
  jobs: { title: 'Jobs', doc: 'None runs a plain sidecar where a native one is possible now.', run: checkJobs },
  'pod-security': {
    title: 'PodSecurity',
    doc: 'The levels that namespaces enforce let injected pods through.',
    run: checkPodSecurity,
  },
  quota: { title: 'Quotas', doc: 'Injected containers declare what ResourceQuotas count.', run: checkQuotas },
  nodes: { title: 'Nodes', doc: 'Kubelets can run native sidecars.', run: checkNodes },
  wasm: {
    title: 'Wasm modules',
    doc: 'The pods that a WasmExtension selects get its module, and none waits for one that nobody brings. Which nodes have it: `kubectl get wasmstores`.',
    run: checkModules,
  },
} as const satisfies Readonly<Record<string, CheckRow>>;

export type CheckId = keyof typeof checks;

export type CheckOutcome = CheckResult & { readonly id: CheckId; readonly title: string };

export interface Diagnosis {
  readonly server: string;
  readonly checks: readonly CheckOutcome[];
  /** How many findings of each severity there are. */
  readonly counts: Readonly<Record<Severity, number>>;
}

/** Runs every check on what was observed. Where the API server does not answer, nothing else is said. */
export function diagnose(observed: Observations): Diagnosis {
  const known = knowledgeOf(observed);
  const isInstalled = observed.ownNamespace.kind === 'hidden' || observed.ownNamespace.value !== undefined;
  const isThere = observed.version.kind === 'seen' || observed.version.isForbidden;
  const outcomes = Object.entries<CheckRow>(checks).map(([name, row]): CheckOutcome => {
    const id = name as CheckId;
    if (!isThere && id !== 'api-server')
      return { id, title: row.title, ...unchecked('the API server does not answer') };
    if (row.needsInstallation && !isInstalled) return { id, title: row.title, ...unchecked(notInstalled) };
    return { id, title: row.title, ...row.run(observed, known) };
  });
  const all = outcomes.flatMap((one) => (one.kind === 'checked' ? one.findings : []));
  const countOf = (severity: Severity): number => all.filter((one) => one.severity === severity).length;
  return {
    server: observed.server,
    checks: outcomes,
    counts: { error: countOf('error'), warning: countOf('warning') },
  };
}
