// Answers: what does a review look like that stands for those that come, for the warm-up.

/** The review of a pod that a Deployment creates, with what the API server has filled in. */
export function sampleReview(uid: string): string {
  const pods = { group: '', version: 'v1', resource: 'pods' };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: pods,
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: pods,
      namespace: 'warm-up',
      operation: 'CREATE',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      object: samplePod(uid),
      oldObject: null,
      dryRun: true,
    },
  });
}

function samplePod(uid: string): object {
  const hash = uid.slice(0, 8);
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${hash}`, uid, controller: true };
  const token = { name: 'kube-api-access', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true };
  const probe = { httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10 };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `web-${hash}-`,
      labels: { app: 'web', 'pod-template-hash': hash, 'sidecar.istio.io/inject': 'true' },
      annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' },
      ownerReferences: [owner],
    },
    spec: {
      containers: [
        {
          name: 'web',
          image: 'example.com/web:1',
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: [{ name: 'MODE', value: 'production' }],
          resources: { requests: { cpu: '100m', memory: '128Mi' } },
          readinessProbe: probe,
          livenessProbe: probe,
          volumeMounts: [token],
        },
      ],
      volumes: [
        {
          name: 'kube-api-access',
          projected: { sources: [{ serviceAccountToken: { path: 'token' } }], defaultMode: 420 },
        },
      ],
      serviceAccountName: 'web',
      schedulerName: 'default-scheduler',
      tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
    },
  };
}
