// Answers: `pillion completion`: the script that teaches a shell our commands and options.
// Does not belong here: the scripts (completion-scripts.ts).
import { type Command, type CommandGroup, exitCodes, textOf } from './command.ts';
import { completionScripts } from './completion-scripts.ts';

const shells = Object.keys(completionScripts);

/** The command that completes the others and itself. */
export function completionCommand(others: readonly Command[], groups: readonly CommandGroup[]): Command {
  const command: Command = {
    name: 'completion',
    summary: 'Print the completion script of a shell.',
    details: ['To have it in every shell, write it where the shell looks for it, or load it in its start file.'],
    examples: [
      'source <(pillion completion bash)',
      'pillion completion zsh > "${fpath[1]}/_pillion"',
      'pillion completion fish > ~/.config/fish/completions/pillion.fish',
    ],
    options: [],
    arguments: [{ name: 'shell', choices: shells, doc: 'The shell.' }],
    run: async (io, options) => {
      const shell = textOf(options, 'shell') ?? '';
      io.stdout.write(completionScripts[shell]?.({ commands: [...others, command], groups }) ?? '');
      return exitCodes.done;
    },
  };
  return command;
}
