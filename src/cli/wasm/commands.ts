// Answers: which commands does `pillion wasm` have, in the order of the help: from a project to its extension in a
// cluster.
import type { Command, CommandGroup } from '../command.ts';
import { deployCommand } from './deploy.ts';
import { initCommand } from './init.ts';
import { inspectCommand } from './inspect.ts';
import { listCommand } from './list.ts';
import { packCommand } from './pack.ts';
import { pullCommand } from './pull.ts';
import { pushCommand } from './push.ts';
import { rollbackCommand } from './rollback.ts';
import { undeployCommand } from './undeploy.ts';
import { verifyCommand } from './verify.ts';

export const wasmGroup: CommandGroup = {
  name: 'wasm',
  summary: 'Build, publish and deploy Wasm extensions for proxies.',
};

export const wasmCommands: readonly Command[] = [
  initCommand,
  packCommand,
  pushCommand,
  pullCommand,
  inspectCommand,
  verifyCommand,
  deployCommand,
  listCommand,
  rollbackCommand,
  undeployCommand,
];
