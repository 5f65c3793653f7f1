// Answers: what does bash have to be told so that it completes our commands, options and values. Everything is quoted, so
// that no text of a table can become shell code.
import type { ArgumentRow, Command, CommandGroup, OptionRow } from './command.ts';
import {
  type CommandTree,
  flags,
  help,
  isOfGroup,
  lastWord,
  quote,
  topOf,
  version,
  wordsOf,
} from './completion-words.ts';

export function bashScript(tree: CommandTree): string {
  const { commands, groups } = tree;
  const values = commands.flatMap((command) =>
    command.options.filter(({ value }) => value !== undefined).map((row) => bashValue(command, row)),
  );
  const words = commands.map((command) => `    ${quote(command.name)}) words=${quote(wordsOf(command))} ;;`);
  const ofGroups = groups.map((group) => {
    const own = commands.filter((command) => isOfGroup(command, group)).map(lastWord);
    return `    ${quote(group.name)}) words=${quote([...own, 'help', ...flags(help)].join(' '))} ;;`;
  });
  const path = ({ name }: CommandGroup): string => quote(name.includes(' ') ? name : ` ${name}`);
  return `${[
    '# bash completion of pillion: source <(pillion completion bash)',
    '_pillion() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command="" words="" word',
    "  local IFS=$' \\t\\n'",
    '  if [ "$current" = "=" ]; then current=""; elif [ "$previous" = "=" ]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$command $word" in',
    `      ${commands.map(path).join('|')}) command="\${command:+$command }$word"; break ;;`,
    `      ${groups.map(path).join('|')}) command="$word" ;;`,
    '    esac',
    '  done',
    '  COMPREPLY=()',
    '  case "$command $previous" in',
    ...values,
    '  esac',
    '  case "$command" in',
    ...words,
    ...ofGroups,
    `    *) words=${quote([...topOf(tree).map(({ name }) => name), 'help', ...flags(help), ...flags(version)].join(' '))} ;;`,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    ...bashFiles(commands),
    '}',
    'complete -F _pillion pillion',
  ].join('\n')}\n`;
}

/** Files beside the words, where an argument can be one. */
function bashFiles(commands: readonly Command[]): readonly string[] {
  const names = commands.filter((command) => completedArgument(command) !== undefined).map(({ name }) => quote(name));
  if (names.length === 0) return [];
  return [
    '  case "$command,$current" in',
    '    *,-*) ;;',
    `    ${names.map((name) => `${name},*`).join('|')}) IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$current")) ;;`,
    '  esac',
  ];
}

function completedArgument({ arguments: rows = [] }: Command): ArgumentRow | undefined {
  return rows.find(({ completes }) => completes !== undefined);
}

function bashValue({ name }: Command, row: OptionRow): string {
  const pattern = flags(row)
    .map((flag) => `"${name} ${flag}"`)
    .join('|');
  if (row.choices !== undefined)
    return `    ${pattern}) COMPREPLY=($(compgen -W ${quote(row.choices.join(' '))} -- "$current")); return ;;`;
  if (row.completes === undefined) return `    ${pattern}) return ;;`;
  const kind = row.completes === 'file' ? '-f' : '-d';
  return `    ${pattern}) IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen ${kind} -- "$current")); return ;;`;
}
