// Answers: what does `make kind-demo` show, and when: all pods are applied at once, and each demo is shown as soon as its
// pods are there. Ends with an error where anything is not as it promises.
// Does not belong here: what is shown of each (demo-scenes.ts), the pods (demo/), how the cluster comes to be (set-up.ts).
import { names, ownNamespace } from '../src/core/cluster/names.ts';
import { environmentOf, exportLine, type KindCluster } from './cluster.ts';
import { native, plain, scenes } from './demo-scenes.ts';
import { pillionLine } from './mesh.ts';
import { run, runLine } from './run.ts';
import { playAll, stageOf } from './stage.ts';
import { dim, type Steps } from './steps.ts';

export async function demo(steps: Steps, cluster: KindCluster): Promise<void> {
  const stage = stageOf(steps, cluster);
  await steps.step('Remove what an earlier run left', () => reset(cluster));
  steps.say(`\nThe demos. To type along:\n${dim('$')} ${exportLine(cluster)}`);
  await stage.show('kubectl apply -k kind/demo/service');
  await stage.until(
    'httpbin, which the others call, is ready',
    `kubectl rollout status deployment/httpbin -n ${native}`,
  );
  await stage.show('kubectl apply -k kind/demo/native');
  await stage.show('kubectl apply -k kind/demo/plain');
  await playAll(stage, scenes);
}

/** Nothing of an earlier run is there, and the pods meet Pillion as it is installed first. */
async function reset(cluster: KindCluster): Promise<void> {
  const env = environmentOf(cluster);
  const get = ['get', 'configmap', names.options, `--namespace=${ownNamespace}`, '--output=jsonpath={.data}'];
  await run('kubectl', ['delete', 'namespace', native, plain, '--ignore-not-found'], { env });
  if (!(await run('kubectl', get, { env })).includes('jobCompletion: true')) return;
  await runLine({ ...pillionLine(['install', '--set', 'jobCompletion=false', '--wait']), env });
}
