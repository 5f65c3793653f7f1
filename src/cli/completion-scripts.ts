// Answers: what does each shell have to be told so that it completes our commands, options and values. Everything comes
// from the command table and is quoted, so that no text of a table can become shell code.
import type { ArgumentRow, Command, OptionRow } from './command.ts';

/** One generator for each shell. */
export const completionScripts: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

const help: OptionRow = { name: 'help', short: 'h', doc: 'Print the help.' };
const version: OptionRow = { name: 'version', short: 'V', doc: 'Print the version.' };

/** POSIX single quotes; good for bash and zsh. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function flags({ name, short }: OptionRow): readonly string[] {
  return short === undefined ? [`--${name}`] : [`-${short}`, `--${name}`];
}

/** Options and arguments of a command as words. */
function wordsOf(command: Command): string {
  return [...[...command.options, help].flatMap((row) => flags(row)), ...choicesOf(command)].join(' ');
}

/** The words that an argument of the command can be. */
function choicesOf({ arguments: rows = [] }: Command): readonly string[] {
  return rows.flatMap(({ choices = [] }) => choices);
}

function bashScript(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  const values = commands.flatMap((command) =>
    command.options.filter(({ value }) => value !== undefined).map((row) => bashValue(command, row)),
  );
  const words = commands.map((command) => `    ${command.name}) words=${quote(wordsOf(command))} ;;`);
  return `${[
    '# bash completion of pillion: source <(pillion completion bash)',
    '_pillion() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command="" words="" word',
    "  local IFS=$' \\t\\n'",
    '  if [ "$current" = "=" ]; then current=""; elif [ "$previous" = "=" ]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    `    case "$word" in ${names.join('|')}) command="$word"; break ;; esac`,
    '  done',
    '  COMPREPLY=()',
    '  case "$command $previous" in',
    ...values,
    '  esac',
    '  case "$command" in',
    ...words,
    `    *) words=${quote([...names, 'help', ...flags(help), ...flags(version)].join(' '))} ;;`,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -F _pillion pillion',
  ].join('\n')}\n`;
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

function zshScript(commands: readonly Command[]): string {
  const described = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(':', '\\:')}`)}`);
  const cases = commands.flatMap(({ name, options, arguments: rows = [] }) => [
    `        ${name}) _arguments \\`,
    ...rows.map((row, at) => `          ${quote(zshArgument(row, at + 1))} \\`),
    ...[...options, help].flatMap(zshOption).map((spec) => `          ${spec} \\`),
    '          ;;',
  ]);
  return `${[
    '#compdef pillion',
    '# zsh completion of pillion: pillion completion zsh > "${fpath[1]}/_pillion"',
    '_pillion() {',
    '  local curcontext="$curcontext" state line',
    '  local -a commands',
    '  commands=(',
    ...described,
    '  )',
    `  _arguments -C ${zshOption(help).join(' ')} ${zshOption(version).join(' ')} '1: :->command' '*:: :->arguments'`,
    '  case $state in',
    '    command) _describe command commands ;;',
    '    arguments)',
    '      case $words[1] in',
    ...cases,
    '      esac ;;',
    '  esac',
    '}',
    'if [ "$funcstack[1]" = "_pillion" ]; then _pillion "$@"; else compdef _pillion pillion; fi',
  ].join('\n')}\n`;
}

/** Two colons for one that may be left out. */
function zshArgument({ name, choices, isOptional }: ArgumentRow, place: number): string {
  return `${place}:${isOptional ? ':' : ''}${name}:${choices === undefined ? ' ' : `(${choices.join(' ')})`}`;
}

/** `_arguments` gives meaning to brackets, colons and backslashes. */
function zshOption(row: OptionRow): readonly string[] {
  const doc = row.doc.replace(/[\\[\]:]/g, '\\$&');
  const actions = { file: '_files', directory: '_files -/' } as const;
  const action =
    row.choices === undefined
      ? row.completes === undefined
        ? ' '
        : actions[row.completes]
      : `(${row.choices.join(' ')})`;
  const value = row.value === undefined ? '' : `:${row.value.replaceAll(':', '\\:')}:${action}`;
  return flags(row).map((flag) => quote(`${row.repeatable ? '*' : ''}${flag}[${doc}]${value}`));
}

function fishScript(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c pillion -n __fish_use_subcommand -f -a ${command.name} -d ${fishQuote(command.summary)}`,
    ...(choicesOf(command).length === 0 ? [] : [fishArguments(command)]),
    ...command.options.map(
      (row) => `complete -c pillion -n '__fish_seen_subcommand_from ${command.name}' ${fishOption(row)}`,
    ),
  ]);
  return `${[
    '# fish completion of pillion: pillion completion fish > ~/.config/fish/completions/pillion.fish',
    ...lines,
    `complete -c pillion ${fishOption(help)}`,
    `complete -c pillion -n __fish_use_subcommand ${fishOption(version)}`,
  ].join('\n')}\n`;
}

function fishArguments(command: Command): string {
  const choices = fishQuote(choicesOf(command).join(' '));
  return `complete -c pillion -n '__fish_seen_subcommand_from ${command.name}' -f -a ${choices}`;
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
