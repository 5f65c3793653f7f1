// Answers: for which shells are there completion scripts. Everything in them comes from the command table.
import { bashScript } from './completion-bash.ts';
import { fishScript } from './completion-fish.ts';
import type { CommandTree } from './completion-words.ts';
import { zshScript } from './completion-zsh.ts';

/** One generator for each shell. */
export const completionScripts: Readonly<Record<string, (tree: CommandTree) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};
