// Answers: which words of the command table do the completion scripts of all shells have.
// Does not belong here: how a shell is told them (completion-bash.ts, completion-zsh.ts, completion-fish.ts).
import type { Command, CommandGroup, OptionRow } from './command.ts';

export interface CommandTree {
  readonly commands: readonly Command[];
  /** First words of commands of two. */
  readonly groups: readonly CommandGroup[];
}

export const help: OptionRow = { name: 'help', short: 'h', doc: 'Print the help.' };
export const version: OptionRow = { name: 'version', short: 'V', doc: 'Print the version.' };

/** POSIX single quotes; good for bash and zsh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function flags({ name, short }: OptionRow): readonly string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

/** Options and arguments of a command as words. */
export function wordsOf(command: Command): string {
  return [...[...command.options, help].flatMap((row) => flags(row)), ...choicesOf(command)].join(' ');
}

/** The words that an argument of the command can be. */
export function choicesOf({ arguments: rows = [] }: Command): readonly string[] {
  return rows.flatMap(({ name, isWord, choices = [] }) => (isWord ? [name] : choices));
}

export function isOfGroup({ name }: Command, group: CommandGroup): boolean {
  return name.startsWith(`${group.name} `);
}

/** `init` of `wasm init`. */
export function lastWord({ name }: Pick<Command, 'name'>): string {
  return name.split(' ').at(-1) ?? '';
}

export function topOf({ commands, groups }: CommandTree): readonly CommandGroup[] {
  const isTop = (command: Command): boolean => !groups.some((group) => isOfGroup(command, group));
  return [...commands.filter(isTop), ...groups];
}
