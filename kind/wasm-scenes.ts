// Answers: what is shown of a filter's life: signed, delivered, updated, taken back, and two that are stopped.
import { pillionLine } from './mesh.ts';
import { shellText } from './run.ts';
import type { Scene, Stage } from './stage.ts';

export const wasmNamespace = 'demo-wasm';

/** What the commands name. */
export interface Props {
  /** The registry as pods call it, and as this machine does. */
  readonly host: string;
  readonly local: string;
  readonly cosign: string;
  /** Path of the key pair, without `.key` and `.pub`. */
  readonly key: string;
  /** Path of a module by its name. */
  module(name: string): string;
}

const repository = 'filters/hello';
const inNamespace = `-n ${wasmNamespace}`;
const request = `kubectl exec deploy/client ${inNamespace} -- curl -si http://web:8000/status/200`;
const pods = `kubectl get pod -l app=web ${inNamespace}`;

export function wasmScenes(props: Props): readonly Scene[] {
  return [
    { title: 'A filter is packed, pushed and signed', play: (stage) => publish(stage, props, 'one', 1) },
    { title: 'It is deployed, and is there before its pods', play: (stage) => deploys(stage, props) },
    { title: 'Version 2, without a restart', play: (stage) => updates(stage, props) },
    { title: 'Back again', play: rollsBack },
    { title: 'A version that nobody signed', play: (stage) => refusesUnsigned(stage, props) },
    { title: 'A version that traps at its start', play: (stage) => refusesBroken(stage, props) },
  ];
}

function pillion(...args: readonly string[]): string {
  return shellText(pillionLine(['wasm', ...args]));
}

async function push(stage: Stage, { local, module }: Props, name: string, version: number): Promise<void> {
  const image = `${local}/${repository}:${version}`;
  await stage.show(pillion('push', module(name), image, '--plain-http'), { promise: /sha256:/ });
}

async function publish(stage: Stage, props: Props, name: string, version: number): Promise<void> {
  await push(stage, props, name, version);
  const offline = '--tlog-upload=false --use-signing-config=false --yes';
  const image = `${props.local}/${repository}:${version}`;
  await stage.show(`${props.cosign} sign --key ${props.key}.key ${offline} ${image}`);
}

function deploy({ host, key }: Props, version: number): string {
  const image = `${host}/${repository}:${version}`;
  const flags = ['--id', 'hello', '--namespace', wasmNamespace, '--labels', 'app=web', '--key', `${key}.pub`, '--wait'];
  return pillion('deploy', 'istio', image, ...flags);
}

async function deploys(stage: Stage, props: Props): Promise<void> {
  await stage.show('kubectl apply -f kind/demo/wasm/namespace.yaml');
  await stage.show(deploy(props, 1), { promise: /Ready/ });
  await stage.show('kubectl apply -k kind/demo/wasm');
  await stage.until('web is ready', `kubectl rollout status deployment/web ${inNamespace}`);
  await stage.until('client is ready', `kubectl rollout status deployment/client ${inNamespace}`);
  await stage.show(request, { promise: /x-filter-version: 1/ });
  await stage.show(pillion('list', '-A'), { promise: /hello/ });
  await stage.show('kubectl get wasmstores', { promise: /control-plane/ });
}

async function updates(stage: Stage, props: Props): Promise<void> {
  await publish(stage, props, 'two', 2);
  await stage.show(pods, { promise: / 2\/2 +Running +0 / });
  await stage.show(deploy(props, 2), { promise: /Ready/ });
  await stage.show(request, { promise: /x-filter-version: 2/ });
  await stage.show(pods, { promise: / 2\/2 +Running +0 / });
}

async function rollsBack(stage: Stage): Promise<void> {
  await stage.show(pillion('rollback', 'hello', '--namespace', wasmNamespace, '--wait'), { promise: /Ready/ });
  await stage.show(request, { promise: /x-filter-version: 1/ });
}

async function refusesUnsigned(stage: Stage, props: Props): Promise<void> {
  await push(stage, props, 'unsigned', 3);
  await stage.show(deploy(props, 3), { promise: /SignatureMissing/, fails: true });
  await stage.show(request, { promise: /x-filter-version: 1/ });
}

async function refusesBroken(stage: Stage, props: Props): Promise<void> {
  await publish(stage, props, 'traps', 4);
  await stage.show(deploy(props, 4), { promise: /TrialRefused/, fails: true });
  await stage.show(request, { promise: /x-filter-version: 1/ });
  await stage.show(pods, { promise: / 2\/2 +Running +0 / });
}
