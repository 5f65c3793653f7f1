// Answers: what does fish have to be told so that it completes our commands, options and values. Everything is quoted, so
// that no text of a table can become shell code.
import type { Command, CommandGroup, OptionRow } from './command.ts';
import { type CommandTree, choicesOf, help, isOfGroup, lastWord, topOf, version } from './completion-words.ts';

export function fishScript(tree: CommandTree): string {
  const { commands, groups } = tree;
  const lines = [
    ...topOf(tree).map((row) => fishOffered(row, '__fish_use_subcommand')),
    ...groups.flatMap((group) => {
      const own = commands.filter((command) => isOfGroup(command, group));
      const names = own.map(lastWord).join(' ');
      const where = `'__fish_seen_subcommand_from ${group.name}; and not __fish_seen_subcommand_from ${names}'`;
      return own.map((command) => fishOffered(command, where));
    }),
    ...commands.flatMap((command) => [
      ...(choicesOf(command).length === 0 ? [] : [fishArguments(command)]),
      ...command.options.map((row) => `complete -c pillion -n ${fishWithin(command)} ${fishOption(row)}`),
    ]),
  ];
  return `${[
    '# fish completion of pillion: pillion completion fish > ~/.config/fish/completions/pillion.fish',
    ...lines,
    `complete -c pillion ${fishOption(help)}`,
    `complete -c pillion -n __fish_use_subcommand ${fishOption(version)}`,
  ].join('\n')}\n`;
}

function fishOffered(row: CommandGroup, where: string): string {
  return `complete -c pillion -n ${where} -f -a ${lastWord(row)} -d ${fishQuote(row.summary)}`;
}

function fishWithin({ name }: Command): string {
  return `'${name
    .split(' ')
    .map((word) => `__fish_seen_subcommand_from ${word}`)
    .join('; and ')}'`;
}

function fishArguments(command: Command): string {
  const choices = fishQuote(choicesOf(command).join(' '));
  return `complete -c pillion -n ${fishWithin(command)} -f -a ${choices}`;
}

function fishOption(row: OptionRow): string {
  const short = row.short === undefined ? '' : `-s ${row.short} `;
  const value = row.value === undefined ? '-f ' : row.completes === undefined ? '-x ' : '-r -F ';
  const choices = row.choices === undefined ? '' : `-a ${fishQuote(row.choices.join(' '))} `;
  return `${short}-l ${row.name} ${value}${choices}-d ${fishQuote(row.doc)}`;
}

/** In fish a backslash is special inside of single quotes too. */
function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
