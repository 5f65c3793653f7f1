// Answers: what does zsh have to be told so that it completes our commands, options and values. Everything is quoted, so
// that no text of a table can become shell code.
import type { ArgumentRow, Command, CommandGroup, OptionRow } from './command.ts';
import { type CommandTree, flags, help, isOfGroup, lastWord, quote, topOf, version } from './completion-words.ts';

export function zshScript(tree: CommandTree): string {
  const { commands, groups } = tree;
  const cases = commands
    .filter(({ name }) => !name.includes(' '))
    .flatMap((command) => zshCase(command, ' '.repeat(8)));
  return `${[
    '#compdef pillion',
    '# zsh completion of pillion: pillion completion zsh > "${fpath[1]}/_pillion"',
    '_pillion() {',
    '  local curcontext="$curcontext" state line',
    '  local -a commands',
    '  commands=(',
    ...topOf(tree).map((row) => `    ${zshDescribed(row)}`),
    '  )',
    `  _arguments -C ${zshOption(help).join(' ')} ${zshOption(version).join(' ')} '1: :->command' '*:: :->arguments'`,
    '  case $state in',
    '    command) _describe command commands ;;',
    '    arguments)',
    '      case $words[1] in',
    ...cases,
    ...groups.flatMap((group) => zshGroup(group, commands)),
    '      esac ;;',
    '  esac',
    '}',
    'if [ "$funcstack[1]" = "_pillion" ]; then _pillion "$@"; else compdef _pillion pillion; fi',
  ].join('\n')}\n`;
}

function zshDescribed({ name, summary }: CommandGroup): string {
  return quote(`${lastWord({ name })}:${summary.replaceAll(':', '\\:')}`);
}

function zshCase(command: Command, indent: string): readonly string[] {
  return [
    `${indent}${lastWord(command)}) _arguments \\`,
    ...(command.arguments ?? []).map((row, at) => `${indent}  ${quote(zshArgument(row, at + 1))} \\`),
    ...[...command.options, help].flatMap(zshOption).map((spec) => `${indent}  ${spec} \\`),
    `${indent}  ;;`,
  ];
}

/** The commands of a group, within the case of its name. */
function zshGroup(group: CommandGroup, commands: readonly Command[]): readonly string[] {
  const own = commands.filter((command) => isOfGroup(command, group));
  return [
    `        ${group.name})`,
    '          local -a subcommands',
    `          subcommands=(${own.map(zshDescribed).join(' ')})`,
    `          _arguments -C ${zshOption(help).join(' ')} '1: :->subcommand' '*:: :->subarguments'`,
    '          case $state in',
    '            subcommand) _describe command subcommands ;;',
    '            subarguments)',
    '              case $words[1] in',
    ...own.flatMap((command) => zshCase(command, ' '.repeat(16))),
    '              esac ;;',
    '          esac ;;',
  ];
}

/** Two colons for one that may be left out. */
function zshArgument({ name, choices, isOptional, isWord, completes }: ArgumentRow, place: number): string {
  const words = isWord ? [name] : choices;
  const offered =
    words === undefined ? (completes === undefined ? ' ' : zshActions[completes]) : `(${words.join(' ')})`;
  return `${place}:${isOptional || isWord ? ':' : ''}${name}:${offered}`;
}

const zshActions = { file: '_files', directory: '_files -/' } as const;

/** `_arguments` gives meaning to brackets, colons and backslashes. */
function zshOption(row: OptionRow): readonly string[] {
  const doc = row.doc.replace(/[\\[\]:]/g, '\\$&');
  const action =
    row.choices === undefined
      ? row.completes === undefined
        ? ' '
        : zshActions[row.completes]
      : `(${row.choices.join(' ')})`;
  const value = row.value === undefined ? '' : `:${row.value.replaceAll(':', '\\:')}:${action}`;
  return flags(row).map((flag) => quote(`${row.repeatable ? '*' : ''}${flag}[${doc}]${value}`));
}
