// Answers: what can the doctor find, and what is to be done about it. Public: names of findings are never reused.
// docs/doctor.md is made from this table; a finding may say more exactly what and how.

interface FindingRow {
  readonly check: string;
  readonly severity: Severity;
  readonly doc: string;
  readonly remedy: string;
}

/** `error`: pods are refused, go without a sidecar, or soon will; `warning`: worth a look. */
export type Severity = 'error' | 'warning';

const control = 'look at the log of Deployment pillion-control in pillion-system';

export const findings = {
  'api-server-unreachable': {
    check: 'api-server',
    severity: 'error',
    doc: 'The API server does not answer.',
    remedy: 'Check the kubeconfig, the context and the network.',
  },
  'kubernetes-too-old': {
    check: 'version',
    severity: 'error',
    doc: 'Kubernetes is older than 1.28.',
    remedy: 'Upgrade the cluster to 1.30 or later.',
  },
  'kubernetes-without-guard': {
    check: 'version',
    severity: 'warning',
    doc: 'Kubernetes is of 1.28 or 1.29, which have no stable admission policies: there is no guard, and mirror pods reach the webhook.',
    remedy: 'Upgrade the cluster to 1.30 or later.',
  },
  'not-allowed': {
    check: 'rights',
    severity: 'warning',
    doc: 'The user may not read something, or may not create pods by dry run, so that some checks say nothing.',
    remedy: 'Run the doctor as somebody who may, for instance a cluster administrator.',
  },
  'not-readable': {
    check: 'rights',
    severity: 'warning',
    doc: 'The API server answers in general, but fails for something that a check needs.',
    remedy: 'Try again; look at the log of the API server when it stays.',
  },
  'not-installed': {
    check: 'installation',
    severity: 'error',
    doc: 'Namespace pillion-system, or a Deployment in it, is missing.',
    remedy: 'Install Pillion: pillion install.',
  },
  'no-replica': {
    check: 'installation',
    severity: 'error',
    doc: 'A Deployment of Pillion has no available replica.',
    remedy: 'See why its pods do not start: kubectl -n pillion-system describe pods.',
  },
  'too-few-replicas': {
    check: 'installation',
    severity: 'warning',
    doc: 'A Deployment of Pillion has fewer available replicas than it should.',
    remedy: 'See why its pods do not start: kubectl -n pillion-system describe pods.',
  },
  'options-unreadable': {
    check: 'options',
    severity: 'error',
    doc: 'ConfigMap pillion-options is missing, or holds something that is no option.',
    remedy: 'Mend ConfigMap pillion-options in pillion-system as the message says; docs/options.md has every option.',
  },
  'no-leader': {
    check: 'control',
    severity: 'error',
    doc: 'No replica of pillion-control holds the Lease: nobody keeps certificate and registration valid.',
    remedy: `See that it runs, and ${control}.`,
  },
  'leader-silent': {
    check: 'control',
    severity: 'error',
    doc: 'The holder of the Lease no longer renews it: nobody keeps certificate and registration valid.',
    remedy: `See that it runs, and ${control}.`,
  },
  'job-completion-not-allowed': {
    check: 'control',
    severity: 'warning',
    doc: 'The option jobCompletion is on, and pillion-control has no right to connect to pods: Jobs with plain sidecars do not complete.',
    remedy: 'Give it the right: pillion install.',
  },
  'not-registered': {
    check: 'registration',
    severity: 'error',
    doc: 'There is no registration: the API server does not call the webhook, and no pod is injected.',
    remedy: `It is written once a replica answers through Service pillion: see the checks above, and ${control}.`,
  },
  'registration-differs': {
    check: 'registration',
    severity: 'error',
    doc: 'The registration is not what the options ask for.',
    remedy: `pillion-control puts it right within seconds. Where it does not, see who else writes it, and ${control}.`,
  },
  overlap: {
    check: 'overlap',
    severity: 'error',
    doc: 'Another injector is called for pods that we are called for too: they would be injected twice.',
    remedy:
      'Set the Helm value global.operatorManageWebhooks=true of istiod, or let Pillion answer to tags of its own alone: tags and onlyTags in the options.',
  },
  'webhook-without-endpoints': {
    check: 'webhook',
    severity: 'error',
    doc: 'Nothing is behind Service pillion.',
    remedy: 'See that pods of pillion-webhook are ready: kubectl -n pillion-system get pods,endpointslices.',
  },
  'webhook-refused': {
    check: 'webhook',
    severity: 'error',
    doc: 'The API server finds nobody listening behind Service pillion.',
    remedy:
      'See that pods of pillion-webhook are ready, and that the target port of Service pillion is the one they listen on.',
  },
  'webhook-timeout': {
    check: 'webhook',
    severity: 'error',
    doc: 'The webhook does not answer the API server in time. Most often a firewall between control plane and nodes, or a network policy, drops the connection.',
    remedy:
      'Allow the control plane to reach the nodes on TCP port 15017 (private clusters have a firewall rule for it); where the pod network is not reachable from there at all, that of the nodes has to be used. Then look at CPU and log of pillion-webhook.',
  },
  'webhook-untrusted': {
    check: 'webhook',
    severity: 'error',
    doc: 'The API server does not accept the certificate of the webhook.',
    remedy: `See the check of the certificate; pillion-control puts the caBundle right. Where it does not, ${control}.`,
  },
  'webhook-failing': {
    check: 'webhook',
    severity: 'error',
    doc: 'The API server reaches the webhook and gets no usable answer.',
    remedy: 'Look at the log of Deployment pillion-webhook in pillion-system.',
  },
  'webhook-not-called': {
    check: 'webhook',
    severity: 'error',
    doc: 'A probe pod that should be injected came back without a sidecar.',
    remedy:
      'With failurePreset safe-start the API server hides why it could not reach the webhook: see the checks of installation and certificate, and its metric apiserver_admission_webhook_fail_open_count.',
  },
  'sidecar-removed': {
    check: 'webhook',
    severity: 'error',
    doc: 'A probe pod was injected, and lost the proxy again: a webhook of somebody else that is called after ours removed it.',
    remedy:
      'Keep that webhook away from these pods by its selectors. With its reinvocationPolicy at Never ours is called after it, and puts the sidecar back.',
  },
  'webhook-denies': {
    check: 'webhook',
    severity: 'error',
    doc: 'The webhook refuses a probe pod that asks for nothing, so that it refuses every pod.',
    remedy: 'Mend the injector configuration of the control plane as the message says.',
  },
  'other-webhook-failing': {
    check: 'webhook',
    severity: 'error',
    doc: 'A webhook of somebody else fails for pods, so that none can be created there.',
    remedy: 'Mend or remove that webhook.',
  },
  'other-webhook-without-dry-run': {
    check: 'webhook',
    severity: 'warning',
    doc: 'A webhook of somebody else does not support dry runs, so that nothing can be probed where it is called.',
    remedy: 'Ask its makers for sideEffects None or NoneOnDryRun.',
  },
  'certificate-missing': {
    check: 'certificate',
    severity: 'error',
    doc: 'Secret pillion-certificates has no certificate that can be read.',
    remedy: `pillion-control makes it (certificates.source managed): ${control}. With cert-manager look at its Certificate.`,
  },
  'certificate-for-another-host': {
    check: 'certificate',
    severity: 'error',
    doc: 'The certificate is not for the host that the API server calls.',
    remedy: 'Make it for pillion.pillion-system.svc; a managed one comes anew when the Secret is deleted.',
  },
  'certificate-expired': {
    check: 'certificate',
    severity: 'error',
    doc: 'The certificate of the webhook has expired.',
    remedy: `A managed one is renewed at two thirds of its life: ${control}.`,
  },
  'certificate-expiring': {
    check: 'certificate',
    severity: 'warning',
    doc: 'The certificate of the webhook, or the authority, is in the last quarter of its life: it should have been renewed.',
    remedy: `A managed one is renewed at two thirds of its life: ${control}.`,
  },
  'authority-expired': {
    check: 'certificate',
    severity: 'error',
    doc: 'The authority that signed the certificate of the webhook has expired.',
    remedy: `A managed one has a successor long before: ${control}.`,
  },
  'bundle-missing': {
    check: 'certificate',
    severity: 'error',
    doc: 'The registration names no authority (caBundle), or not the same one everywhere.',
    remedy: `pillion-control puts it right within seconds, with cert-manager it is cainjector. Where it does not, ${control}.`,
  },
  'bundle-differs': {
    check: 'certificate',
    severity: 'error',
    doc: 'The authorities in the registration (caBundle) did not sign the certificate that is served.',
    remedy: `pillion-control puts it right within seconds. Where it does not, see who else writes it, and ${control}.`,
  },
  'bundle-outdated': {
    check: 'certificate',
    severity: 'warning',
    doc: 'The caBundle of the registration is not the bundle of the Secret; it still covers the certificate that is served.',
    remedy: `pillion-control puts it right within seconds. Where it does not, see who else writes it, and ${control}.`,
  },
  'settings-unreadable': {
    check: 'settings',
    severity: 'error',
    doc: "A ConfigMap of Istio's control plane is missing or broken: replicas go on with the last good settings, and cannot start anew.",
    remedy: 'Mend the ConfigMap as the message says, for instance by helm upgrade of istiod.',
  },
  'settings-passed-over': {
    check: 'settings',
    severity: 'warning',
    doc: 'Something in the settings cannot be evaluated and is passed over, as at Istio.',
    remedy: 'Mend it in the ConfigMap that the message names.',
  },
  'other-version': {
    check: 'settings',
    severity: 'warning',
    doc: 'The control plane is of another version than the one whose pods Pillion makes.',
    remedy: 'Compare a pod of each before relying on it; docs/compatibility.md says what was tested.',
  },
  'replica-behind': {
    check: 'settings',
    severity: 'warning',
    doc: 'A replica is not ready, or uses other settings than those in the cluster.',
    remedy: 'Mend what it says, or look at the log of Deployment pillion-webhook in pillion-system.',
  },
  'restart-policy-stripped': {
    check: 'restart-policy',
    severity: 'error',
    doc: 'A webhook takes restartPolicy: Always off init containers, since it was built before Kubernetes knew it: pods with native sidecars are refused, or hang in Init.',
    remedy:
      'Upgrade whoever runs the webhook, or keep it away from these pods by its selectors. Until then native: "false" in ConfigMap pillion-options, or the annotation sidecar.istio.io/nativeSidecar: "false" on pods, makes plain sidecars.',
  },
  'native-switched-off': {
    check: 'restart-policy',
    severity: 'warning',
    doc: 'The API server itself drops restartPolicy of init containers: its feature gate SidecarContainers is off. Sidecars are plain, and Jobs with them do not complete.',
    remedy: 'Switch the feature gate on, on the API server and every kubelet, or upgrade to 1.33 or later.',
  },
  'label-added-late': {
    check: 'late-labels',
    severity: 'warning',
    doc: 'A webhook that is called after ours labels pods for injection. The API server does not call us for the first time in its second round, so that they go without a sidecar.',
    remedy:
      'Label the namespace or the pod template instead, or name that configuration so that it sorts before "pillion".',
  },
  'labels-contradict': {
    check: 'namespaces',
    severity: 'warning',
    doc: 'A namespace has both istio-injection and istio.io/rev; the former decides alone.',
    remedy: 'Remove the one that is not meant: kubectl label namespace NAME istio.io/rev-, or istio-injection-.',
  },
  'injection-value-unknown': {
    check: 'namespaces',
    severity: 'warning',
    doc: 'A namespace has istio-injection with a value that is neither enabled nor disabled: its pods are left alone, whatever they ask.',
    remedy: 'Set it to enabled or disabled.',
  },
  'namespace-unserved': {
    check: 'namespaces',
    severity: 'error',
    doc: 'A namespace asks for injection, and no injector is called for its pods: nobody serves the revision, or the namespace is excluded.',
    remedy: 'Name a revision or a tag that exists, or take the label away.',
  },
  'sidecar-missing': {
    check: 'pods',
    severity: 'warning',
    doc: 'Pods that should have a sidecar have none: they are older than the registration or the label, or came while the webhook did not answer.',
    remedy: 'Restart their workloads: kubectl -n NAMESPACE rollout restart deployment NAME.',
  },
  'job-with-plain-sidecar': {
    check: 'jobs',
    severity: 'warning',
    doc: 'Pods of Jobs run a plain sidecar, which never ends, while a native one would be made now.',
    remedy:
      'Create the Job anew, or end the proxy: kubectl exec POD -c istio-proxy -- pilot-agent request POST quitquitquit.',
  },
  'pod-security-refuses': {
    check: 'pod-security',
    severity: 'error',
    doc: 'PodSecurity of a namespace refuses injected pods.',
    remedy:
      'Use the Istio CNI plugin (Helm value pilot.cni.enabled=true of istiod), which needs no privileged init container, or relax the level of the namespace.',
  },
  'pod-security-depends': {
    check: 'pod-security',
    severity: 'warning',
    doc: 'PodSecurity of a namespace refuses injected pods whose own security context does not cover the whole pod.',
    remedy: 'Set the Helm value global.proxy.seccompProfile.type=RuntimeDefault of istiod.',
  },
  'quota-refuses': {
    check: 'quota',
    severity: 'error',
    doc: 'A ResourceQuota asks for a resource that injected containers do not declare, so that it refuses their pods.',
    remedy: 'Set global.proxy.resources in the values of istiod, or give the namespace a LimitRange with defaults.',
  },
  'kubelets-too-old': {
    check: 'nodes',
    severity: 'warning',
    doc: 'Some nodes are too old for native sidecars. Pods that can land on them get plain ones: Jobs do not complete by themselves, and init containers have no proxy.',
    remedy: 'Upgrade these nodes, or pin Jobs to newer ones by nodeSelector.',
  },
  'native-forced': {
    check: 'nodes',
    severity: 'error',
    doc: 'Native sidecars are forced while some nodes are too old: pods hang in Init there.',
    remedy: 'Set native to auto in ConfigMap pillion-options, or upgrade the nodes.',
  },
  'wasm-kinds-missing': {
    check: 'wasm',
    severity: 'error',
    doc: 'The option wasm.enabled is on, and the API server does not know the kind WasmExtension.',
    remedy: 'Make the kinds, with the rights and the node agent: pillion install.',
  },
  'wasm-policies-differ': {
    check: 'wasm',
    severity: 'warning',
    doc: 'A policy that keeps the modules of the node store to their extensions, or reports and status to those who may write them, is missing or is not what the options ask for.',
    remedy: 'Write them anew: pillion install.',
  },
  'wasm-extension-unreadable': {
    check: 'wasm',
    severity: 'warning',
    doc: 'A WasmExtension cannot be read. It counts for no pod; where its module runs already, pods get that.',
    remedy: 'Mend it as the message says.',
  },
  'wasm-extension-not-ready': {
    check: 'wasm',
    severity: 'warning',
    doc: 'What a WasmExtension declares does not run: it was refused, or waits for what its reason names (docs/wasm-reasons.md). A version that ran before it goes on running; without one, pods with onMissing: block wait.',
    remedy: 'See what it says: kubectl describe wasmextension -n NAMESPACE NAME.',
  },
  'wasm-modules-missing': {
    check: 'wasm',
    severity: 'warning',
    doc: 'Running pods that an extension selects do not mount what they would if they were created now: they are older than the extension, or were created without the webhook. Those without the node store serve without the filter; those of an extension that was made anew since start without waiting for it.',
    remedy: 'Restart their workloads: kubectl rollout restart.',
  },
  'wasm-pods-held': {
    check: 'wasm',
    severity: 'error',
    doc: 'Pods wait in the kubelet for a Wasm module of their node that nobody brings: modules are not delivered any more, their extension is gone, or the agent of their node is not ready.',
    remedy:
      'Bring the agent back, or make the pods anew: kubectl delete pods -n NAMESPACE -l pillion.dev/wasm-delivery=node-store --field-selector status.phase=Pending.',
  },
} as const satisfies Readonly<Record<string, FindingRow>>;

export type FindingId = keyof typeof findings;

export interface Finding {
  readonly finding: FindingId;
  readonly severity: Severity;
  /** What exactly was found. */
  readonly what: string;
  readonly remedy: string;
}

/** A finding; its remedy is that of the table where nothing more exact is known. */
export function found(finding: FindingId, what: string, remedy?: string): Finding {
  const row = findings[finding];
  return { finding, severity: row.severity, what, remedy: remedy ?? row.remedy };
}

/** `1 pod`, `3 pods`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
