// Answers: what does this process become. Only here is the process itself touched: arguments, environment, exit.
// Nothing is imported before the version is known, so that an old Node gets one clear line instead of a stack.
import type { Io } from './cli/command.ts';

const oldestNode = 24;

if (Number(process.versions.node.split('.')[0]) < oldestNode) {
  process.stderr.write(
    `Cannot start: this is Node ${process.versions.node}; Pillion needs Node ${oldestNode} or later\n`,
  );
  process.exit(2);
}

/** A reader that has seen enough (`| head`) is no error: the rest is thrown away. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
process.stdout.on('error', ignoreClosedPipe);
process.stderr.on('error', ignoreClosedPipe);

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  roles: {
    serve: async (options) => (await import('./roles/serve.ts')).serve(options, io),
    control: async (options) => (await import('./roles/control.ts')).control(options, io),
    agent: async (options) => (await import('./roles/agent.ts')).agent(options, process),
  },
};

const defect = 1;
let exitCode = defect;
try {
  const { runCommandLine } = await import('./cli/run.ts');
  exitCode = await runCommandLine(process.argv.slice(2), io);
} catch (error) {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`Cannot go on: this is a defect of Pillion; please report it with what follows\n${stack}\n`);
}
// the last write has to be through before the process may end
process.stdout.write('', () => process.exit(exitCode));
