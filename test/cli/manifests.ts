// Answers: which manifests do the tests of the command line use.

export const podYaml = `apiVersion: v1
kind: Pod
metadata:
  name: web
  labels:
    app: web
spec:
  containers:
  - name: app
    image: example.com/app:1
`;

export const hostNetworkYaml = podYaml
  .replace('spec:', 'spec:\n  hostNetwork: true')
  .replace('name: web', 'name: node-agent');
export const deniedYaml = annotated({
  'sidecar.istio.io/proxyCPU': 'lots',
  'sidecar.istio.io/interceptionMode': 'SOME',
});
export const serviceYaml = `# a service, oddly   spaced
apiVersion: v1
kind:   Service
metadata: {name:   web}
spec: {ports: [ {port: 80} ]}   # end
`;

/** The pod with annotations. */
export function annotated(annotations: Readonly<Record<string, string>>): string {
  const lines = Object.entries(annotations).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}\n`);
  return podYaml.replace('spec:', `  annotations:\n${lines.join('')}spec:`);
}

/** A workload whose template holds one container `app`. */
export function workloadYaml(apiVersion: string, kind: string): string {
  return `apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: web
spec:
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - name: app
        image: example.com/app:1
`;
}

export const cronJobYaml = `apiVersion: batch/v1
kind: CronJob
metadata:
  name: web
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: app
            image: example.com/app:1
`;

/** An AdmissionReview about a pod that, as in real ones, need not say what it is. */
export function reviewJson(version: 'v1' | 'v1beta1', object: object): string {
  return JSON.stringify({
    apiVersion: `admission.k8s.io/${version}`,
    kind: 'AdmissionReview',
    request: { uid: 'f0f0', namespace: 'shop', operation: 'CREATE', object },
  });
}

export const bareObject = { metadata: { generateName: 'web-' }, spec: { containers: [{ name: 'app', image: 'a' }] } };
