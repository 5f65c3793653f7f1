// Answers: what is shown of each demo: what kubectl prints of a pod with the native sidecar, then of the same pod with the
// plain one, and what has to stand in it.
import { pillionLine } from './mesh.ts';
import { shellText } from './run.ts';
import type { Scene, Stage } from './stage.ts';

/** Namespaces of the pods with the native sidecar, and with the plain one. */
export const [native, plain] = ['demo', 'demo-plain'];

export const scenes: readonly Scene[] = [
  { title: 'A Deployment that sleeps', play: sleeps },
  { title: 'An init container that calls a service before the app starts', play: callsEarly },
  { title: 'A pod that does its work and exits', play: exits },
  { title: 'A Job', play: completes },
  { title: 'The same Job with the plain sidecar, and job completion switched on', play: completesAfterAll },
];

const columns = 'custom-columns-file=kind/demo/columns.txt';
const asPlain = 'The same pod with the plain sidecar (annotation sidecar.istio.io/nativeSidecar: "false"):\n';

async function sleeps(stage: Stage): Promise<void> {
  await stage.until('sleep is ready', `kubectl rollout status deployment/sleep -n ${native}`);
  await stage.show(`kubectl get pod -l app=sleep -n ${native} -o ${columns}`, {
    promise: / istio-init,istio-proxy +sleep$/m,
  });
  await stage.show(`kubectl get pod -l app=sleep -n ${native}`, { promise: / 2\/2 +Running / });
  stage.say(asPlain);
  await stage.show(`kubectl get pod -l app=sleep -n ${plain} -o ${columns}`, {
    promise: / istio-init +sleep,istio-proxy$/m,
  });
}

async function callsEarly(stage: Stage): Promise<void> {
  const pods = `kubectl get pod -l app=check-traffic -n`;
  const call = `kubectl logs -l app=check-traffic -c check-traffic --tail=-1 -n`;
  await stage.until('check-traffic is ready', `kubectl rollout status deployment/check-traffic -n ${native}`);
  await stage.show(`${pods} ${native} -o ${columns}`, { promise: / istio-init,istio-proxy,check-traffic +app$/m });
  stage.say('httpbin, which takes only mutual TLS, got the call through its proxy, and told who called:\n');
  await stage.show(`kubectl logs -l app=httpbin -c istio-proxy --tail=-1 -n ${native}`, {
    filter: 'check-traffic',
    promise: /"GET \/headers HTTP\/1.1" 200 .* outbound_\.80_\._\.httpbin\.demo\.svc\.cluster\.local/,
  });
  await stage.show(`${call} ${native}`, {
    filter: 'spiffe',
    promise: /URI=spiffe:\/\/cluster\.local\/ns\/demo\/sa\/default/,
  });
  stage.say(asPlain);
  await stage.show(`${pods} ${plain} -o ${columns}`, { promise: / check-traffic,istio-init +app,istio-proxy$/m });
  await stage.show(`${pods} ${plain}`, { promise: / 0\/2 +Init:(Error|CrashLoopBackOff) / });
  await stage.show(`${call} ${plain}`, { promise: /curl: \(\d+\)/ });
  stage.say(
    'It runs before there is a proxy, so its call left as plain text; httpbin cut it off, and the app never starts.\n',
  );
}

async function exits(stage: Stage): Promise<void> {
  await stage.until(
    'exiting has ended',
    `kubectl wait pod/exiting -n ${native} --for=jsonpath={.status.phase}=Succeeded`,
  );
  await stage.show(`kubectl get pod exiting -n ${native}`, { promise: / 0\/2 +Completed / });
  await hangs(stage, 'exiting', 'pod');
}

async function completes(stage: Stage): Promise<void> {
  await stage.until('report is complete', `kubectl wait job/report -n ${native} --for=condition=Complete`);
  await stage.show(`kubectl get job,pod -l app=report -n ${native}`, {
    promise: /job\.batch\/report +Complete +1\/1 [\s\S]* 0\/2 +Completed /,
  });
  await hangs(stage, 'report', 'job,pod');
}

const hangingMs = 10_000;

/** Its container has ended a good while ago, and the proxy keeps the pod running. */
async function hangs(stage: Stage, app: string, kinds: string): Promise<void> {
  const path = `{.status.containerStatuses[?(@.name=="${app}")].state.terminated.exitCode}`;
  stage.say(asPlain);
  await stage.until(
    `${app}'s own container has ended`,
    `kubectl wait pod -l app=${app} -n ${plain} --for=jsonpath=${path}=0`,
  );
  await stage.pause('… which was a good while ago', hangingMs);
  await stage.show(`kubectl get ${kinds} -l app=${app} -n ${plain}`, { promise: / 1\/2 +NotReady / });
}

async function completesAfterAll(stage: Stage): Promise<void> {
  const install = shellText(pillionLine(['install', '--set', 'jobCompletion=true', '--wait']));
  stage.say(`$ ${install}\n`);
  await stage.step('Switch job completion on', install);
  await stage.until('report is complete', `kubectl wait job/report -n ${plain} --for=condition=Complete`);
  await stage.show(`kubectl get job,pod -l app=report -n ${plain}`, {
    promise: /job\.batch\/report +Complete +1\/1 [\s\S]* 0\/2 +Completed /,
  });
  await stage.show(`kubectl get events -n ${plain} --field-selector reason=ProxyAskedToQuit`, {
    promise: /asked to quit/,
  });
}
