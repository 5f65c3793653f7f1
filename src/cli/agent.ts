// Answers: which options does `pillion agent` take, and how does it reach the cluster.
// Does not belong here: the agent (roles/agent.ts), which main.ts loads only when it is asked for.
import type { KubeConnection } from '../edge/kube/plain-client.ts';
import { agentFlags, readAgentFlags } from './agent-flags.ts';
import { connectionOf, connectionOptions, kubeErrorLine } from './cluster-options.ts';
import { type Command, type Io, type OptionValues, textOf, UsageError } from './command.ts';

export const agentCommand: Command = {
  name: 'agent',
  summary: 'Run the node agent: it keeps the Wasm modules of its node.',
  details: [
    'Fetches the modules that WasmExtensions name, verifies them again, keeps them as they are, and reports in the',
    'WasmStore of its node. In a cluster it runs on every node as DaemonSet pillion-agent in namespace pillion-node, from a',
    'smaller program of the same image (docs/wasm.md); here it is the same agent with more memory.',
  ],
  examples: ['pillion agent', 'pillion agent --kubeconfig admin.kubeconfig --node test --store ./store'],
  options: [...agentFlags, ...connectionOptions],
  run: async (io, options) => {
    const flags = readAgentFlags((name) => textOf(options, name), io.env);
    return io.roles.agent({ ...flags, connection: await connectionFor(io, options) });
  },
};

/** The service account where the process is in a pod and no kubeconfig is named. */
async function connectionFor(io: Io, options: OptionValues): Promise<KubeConnection> {
  const named = connectionOf(options);
  const isNamed = named.kubeconfig !== undefined || named.context !== undefined;
  if (!isNamed && io.env['KUBERNETES_SERVICE_HOST'] !== undefined && io.env['KUBECONFIG'] === undefined) {
    const { serviceAccountConnection, serviceAccountDirectory } = await import('../edge/kube/service-account.ts');
    const connection = await serviceAccountConnection(serviceAccountDirectory, io.env);
    if (!connection.ok) throw new UsageError(connection.error);
    return connection.value;
  }
  const { outsideConnection } = await import('../edge/kube/outside-connection.ts');
  const { KubeError } = await import('../edge/kube/kube-error.ts');
  try {
    return outsideConnection(named);
  } catch (error) {
    if (error instanceof KubeError) throw new UsageError(kubeErrorLine(error));
    throw error;
  }
}
