// Answers: by which labels and annotations of Kubernetes and Istio is it told where we have a part. Names are theirs.
// Does not belong here: what pods say to us (settings/catalogue.ts), labels of our own (labels.ts).

/** Kubernetes puts the name of a namespace into this label of it. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name';

/** Annotation that the kubelet puts on the image of a static pod, which nobody can change through the API. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Label of a namespace: `enabled` asks the default revision, anything else keeps all injectors out. */
export const injectionLabel = 'istio-injection';

/** The revision that a namespace asks for where it names none. */
export const defaultRevision = 'default';

/** Namespaces that are never injected, whatever anybody says. */
export const systemNamespaces: readonly string[] = [
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
];
