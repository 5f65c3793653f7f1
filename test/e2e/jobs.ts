// Answers: how does a test follow a Job: its pods, and how it ends.
import assert from 'node:assert/strict';
import type { KubeObject } from '../../src/core/model/kube-object.ts';
import type { Namespace } from './namespace.ts';
import { type JobParts, shell } from './objects.ts';
import { isRunning, jobEnd } from './pods.ts';

export function podsOf(namespace: Namespace, name: string): Promise<readonly KubeObject[]> {
  return namespace.list('Pod', `job-name=${name}`);
}

/** The pod of a Job that makes one, once it is there and fits. */
export function untilPod(
  namespace: Namespace,
  name: string,
  what: string,
  condition: (pod: KubeObject) => boolean,
): Promise<KubeObject> {
  return namespace.until(`the pod of Job ${name} ${what}`, async () => {
    const [pod] = await podsOf(namespace, name);
    return pod !== undefined && condition(pod) && pod;
  });
}

/** Name of a pod of the Job whose app runs. */
export function untilRunning(namespace: Namespace, name: string): Promise<string> {
  return namespace.until(`the app of Job ${name} runs`, async () => {
    const running = (await podsOf(namespace, name)).find((pod) => isRunning(pod, 'app'));
    return running?.metadata.name;
  });
}

/** The Job once it has ended; throws where it ended in the other way. */
export async function untilEnd(namespace: Namespace, name: string, how: 'Complete' | 'Failed'): Promise<KubeObject> {
  const ended = await namespace.until(`Job ${name} has ended`, async () => {
    const found = await namespace.get('Job', name);
    return found !== undefined && jobEnd(found) !== undefined && found;
  });
  assert.equal(jobEnd(ended), how, JSON.stringify(ended['status']));
  return ended;
}

/** Of a Job whose app fails at its first try, and ends well when it is started again in the same pod. */
export const failsOnce: Omit<JobParts, 'name'> = {
  job: { backoffLimit: 3 },
  restartPolicy: 'OnFailure',
  containers: [
    {
      ...shell('app', 'if [ -f /tries/first ]; then exit 0; fi; touch /tries/first; exit 4'),
      volumeMounts: [{ name: 'tries', mountPath: '/tries' }],
    },
  ],
  spec: { securityContext: { fsGroup: 2000 }, volumes: [{ name: 'tries', emptyDir: {} }] },
};
