// Answers: which cluster does a command speak to, and what does a person hear who cannot reach it. The same options for
// every command that asks an API server.
// Does not belong here: the calls (edge/kube/), whose client is loaded only once a command needs it.
import type { Kube, KubeOptions } from '../edge/kube/client.ts';
import { KubeError, type KubeErrorCode } from '../edge/kube/kube-error.ts';
import { type OptionRow, type OptionValues, textOf, UsageError } from './command.ts';

export const connectionOptions: readonly OptionRow[] = [
  {
    name: 'kubeconfig',
    value: 'FILE',
    completes: 'file',
    fallback: 'KUBECONFIG, else ~/.kube/config, else the service account of the pod',
    doc: 'How to reach the cluster.',
  },
  { name: 'context', value: 'NAME', fallback: 'the current one', doc: 'Context of the kubeconfig.' },
];

export const fromClusterOption: OptionRow = {
  name: 'from-cluster',
  doc: "Take the settings of the cluster: Istio's ConfigMaps and ProxyConfigs, the nodes, and the options of the installation. Options that are given here are stronger.",
};

/** What --kubeconfig and --context say. */
export function connectionOf(options: OptionValues): KubeOptions {
  const [kubeconfig, context] = [textOf(options, 'kubeconfig'), textOf(options, 'context')];
  return { ...(kubeconfig === undefined ? {} : { kubeconfig }), ...(context === undefined ? {} : { context }) };
}

/** Refuses --kubeconfig and --context where no cluster is asked. */
export function refuseConnection(options: OptionValues): void {
  const given = connectionOptions.find(({ name }) => options.has(name));
  if (given !== undefined)
    throw new UsageError(`Cannot use --${given.name}: no cluster is asked; add --from-cluster, or leave it out`);
}

const remedies: Readonly<Partial<Record<KubeErrorCode, string>>> = {
  unreachable: 'check the kubeconfig, the context and the network',
  forbidden: 'use credentials that may, or another --context',
  failing: 'try again; the API server is in trouble',
};

/**
 * Connects to the cluster that the options name and does the work there. Throws UsageError, one line with its remedy,
 * where there is no cluster, or the API server cannot be reached or refuses.
 */
export async function withCluster<T>(options: OptionValues, work: (kube: Kube) => Promise<T>): Promise<T> {
  const { connect } = await import('../edge/kube/client.ts');
  try {
    return await work(connect(connectionOf(options)));
  } catch (error) {
    if (error instanceof KubeError) throw new UsageError(kubeErrorLine(error));
    throw error;
  }
}

/** The error as one line with its remedy. */
export function kubeErrorLine({ code, message }: KubeError): string {
  const line = message.replace(/\s*\n\s*/g, ' ').replace(/\.$/, '');
  const whole = line.startsWith('Cannot ') ? line : `Cannot ask the API server: ${line}`;
  // 403 as well, though nobody's rights are in question
  const remedy = line.includes('it is being terminated') ? 'run it again once that is gone' : remedies[code];
  return remedy === undefined ? whole : `${whole}; ${remedy}`;
}
