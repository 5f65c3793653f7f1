// Answers: what are our objects called in a cluster. Public: people write these names into their tools.

/** Namespace of everything that has one. */
export const ownNamespace = 'pillion-system';

export const names = {
  /** Deployment, ServiceAccount, PodDisruptionBudget and roles of the admission webhook. */
  webhook: 'pillion-webhook',
  /** The same of `pillion control`. */
  control: 'pillion-control',
  /** Service in front of the webhook. */
  service: 'pillion',
  /** ConfigMap with the options of the installation, key `options.yaml`. */
  options: 'pillion-options',
  /** Secret with the certificate of the webhook and the authority that signs it. */
  certificates: 'pillion-certificates',
  /** Lease of the control that works. */
  lease: 'pillion-control',
  /** MutatingWebhookConfiguration. */
  registration: 'pillion',
  /** ValidatingAdmissionPolicy and its binding. */
  guard: 'pillion-guard',
  priorityClass: 'pillion',
} as const;

/** Host that the API server calls and that the certificate is made for. */
export const serviceHost = `${names.service}.${ownNamespace}.svc`;

/** Fields that server-side apply says are ours: those of `install`, of `control`, and of `wasm deploy`. */
export const fieldManagers = {
  install: 'pillion-install',
  control: 'pillion-control',
  deploy: 'pillion-deploy',
} as const;
