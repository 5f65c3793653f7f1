// Answers: what does the program on a node become: the agent and nothing else, so that it stays small. The full command
// line has `pillion agent` too.
// Does not belong here: what the agent does (roles/agent.ts), what its options mean (cli/agent-flags.ts).
import { parseArgs } from 'node:util';
import { agentFlags, readAgentFlags } from './cli/agent-flags.ts';
import { UsageError } from './cli/command.ts';
import { serviceAccountConnection, serviceAccountDirectory } from './edge/kube/service-account.ts';
import { returnMemory } from './edge/return-memory.ts';
import { agent } from './roles/agent.ts';

const unusable = 2;
/** For a try outside of a pod. */
const directoryFlag = 'service-account';

async function main(args: readonly string[]): Promise<number> {
  returnMemory(); // what loading has left
  const names = [...agentFlags.map(({ name }) => name), directoryFlag];
  const flags = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  const { values } = parseArgs({ args: [...args], options: flags, strict: true });
  const options = readAgentFlags((name) => values[name], process.env);
  const connection = await serviceAccountConnection(values[directoryFlag] ?? serviceAccountDirectory, process.env);
  if (!connection.ok) throw new UsageError(connection.error);
  return agent({ ...options, connection: connection.value }, process);
}

main(process.argv.slice(2)).then(
  // at once: what is still under way is of no worth
  (code) => process.exit(code),
  (error: unknown) => {
    const isUsage = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
    const text = error instanceof Error ? (isUsage ? error.message : (error.stack ?? error.message)) : String(error);
    process.stderr.write(`${text}\n`);
    process.exit(isUsage ? unusable : 1);
  },
);
