// Answers: which commands are there, and what does a command line ask of them. Mistakes end in one line and exit code 2.
// Does not belong here: what a command does (one file each).
import { Argument, CommanderError, Option, Command as Parser } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { agentCommand } from './agent.ts';
import {
  type ArgumentRow,
  type Command,
  type CommandGroup,
  exitCodes,
  type Io,
  type OptionRow,
  type OptionValues,
  type Output,
  UsageError,
} from './command.ts';
import { completionCommand } from './completion.ts';
import { controlCommand } from './control.ts';
import { doctorCommand } from './doctor.ts';
import { injectCommand } from './inject.ts';
import { installCommand } from './install.ts';
import { serveCommand } from './serve.ts';
import { wrap } from './terminal.ts';
import { runTrialFiles, trialFilesName } from './trial-files.ts';
import { uninstallCommand } from './uninstall.ts';
import { wasmCommands, wasmGroup } from './wasm/commands.ts';
import { whyCommand } from './why.ts';

const commands: readonly Command[] = [
  injectCommand,
  whyCommand,
  doctorCommand,
  installCommand,
  uninstallCommand,
  ...wasmCommands,
  serveCommand,
  controlCommand,
  agentCommand,
];

/** First words of commands of several words. */
export const groupTable: readonly CommandGroup[] = [wasmGroup];

/** Every command, in the order of the help. docs/cli.md and the shell completion are made from it too. */
export const commandTable: readonly Command[] = [...commands, completionCommand(commands, groupTable)];

/** Runs the command that the arguments (without node and script) name; returns the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  if (args[0] === trialFilesName) return runTrialFiles(args.slice(1), io);
  let exitCode: number = exitCodes.done;
  const program = programOf(io);
  const parents = new Map<string, Parser>([['', program]]);
  for (const command of commandTable) {
    addCommand({ program: parentOf(command, parents), width: helpWidth(io.stdout) }, command, async (values) => {
      exitCode = await command.run(io, values);
    });
  }
  const asked = args.length < 2 ? parents.get(args[0] ?? '') : undefined;
  if (asked !== undefined) {
    io.stdout.write(asked.helpInformation());
    return exitCode;
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.unusable;
    if (!(error instanceof UsageError)) throw error;
    io.stderr.write(`${error.message}\n`);
    return exitCodes.unusable;
  }
}

function programOf(io: Io): Parser {
  return new Parser('pillion')
    .description("Injects Istio's proxy as a Kubernetes native sidecar.")
    .version(`pillion ${manifest.version}`, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .helpCommand('help [command]', 'Print the help of a command.')
    .configureHelp({
      visibleArguments: ({ registeredArguments: all }) => all.filter(({ description }) => description !== ''),
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
    })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => helpWidth(io.stdout),
      getErrHelpWidth: () => helpWidth(io.stderr),
      outputError: (text, write) => write(usageMessage(text)),
    });
}

function helpWidth({ columns }: Output): number {
  return columns || 100; // some terminals say that they have none
}

/** The parser's message in one line: `Cannot run this: unknown option '--natve' (Did you mean --native?)`. */
function usageMessage(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const isPod = /^command-argument value .* for argument 'kind'/.test(line);
  const surplus = /^too many arguments for '(.+?)'/.exec(line)?.[1];
  const takesFiles = commandTable.some(
    ({ name, options }) => name === surplus && options.some((row) => row.name === 'file'),
  );
  const hint =
    isPod || takesFiles ? `; files are named with -f${isPod ? ', pods of a cluster as "pod NAME"' : ''}` : '';
  return `Cannot run this: ${line}${hint}; see --help\n`;
}

/** The group that the command is in, which is made with its first command; the program itself for all others. */
function parentOf({ name }: Command, parents: Map<string, Parser>): Parser {
  const group = groupTable.find((one) => name.startsWith(`${one.name} `));
  const program = parents.get('') ?? new Parser();
  if (group === undefined) return program;
  const there = parents.get(group.name);
  if (there !== undefined) return there;
  const parser = program.command(group.name).summary(group.summary).description(group.summary);
  parser.helpCommand('help [command]', 'Print the help of a command.');
  parents.set(group.name, parser);
  return parser;
}

interface Place {
  readonly program: Parser;
  /** Of the help. */
  readonly width: number;
}

function addCommand({ program, width }: Place, command: Command, run: (values: OptionValues) => Promise<void>): void {
  const ownName = command.name.split(' ').at(-1) ?? '';
  const parser = program.command(ownName).summary(command.summary).description(command.summary);
  const rows = command.arguments ?? [];
  const word = rows.find(({ isWord }) => isWord);
  const named = rows.filter((row) => row !== word);
  for (const row of named) parser.addArgument(parserArgument(row));
  if (word !== undefined) {
    // the parser knows no argument that may be left out before others: it takes one more
    parser.addArgument(new Argument('[word]')).usage(usageOf(command));
  }
  for (const row of command.options) parser.addOption(parserOption(row));
  const lines = [
    ...wrap(command.details.join(' '), width),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
  ];
  parser.addHelpText('after', `\n${lines.join('\n')}`);
  parser.action(async () => {
    const given = command.options.flatMap((row): [string, string | readonly string[] | true][] => {
      const value: unknown = parser.getOptionValue(parserOption(row).attributeName());
      return isOptionValue(value) ? [[row.name, value]] : [];
    });
    const operands = word !== undefined && parser.args[0] === word.name ? parser.args.slice(1) : parser.args;
    checkOperands(operands, named);
    const said = named.flatMap(({ name }, at): [string, string][] => {
      const argument = operands[at];
      return argument === undefined ? [] : [[name, argument]];
    });
    await run(new Map([...given, ...said]));
  });
}

/** What the parser cannot see where a word stands before the arguments. */
function checkOperands(operands: readonly string[], rows: readonly ArgumentRow[]): void {
  const missing = rows.find((row, at) => row.isOptional !== true && operands[at] === undefined);
  if (missing !== undefined)
    throw new UsageError(`Cannot run this: missing required argument '${missing.name}'; see --help`);
  if (operands.length > rows.length)
    throw new UsageError(
      `Cannot run this: too many arguments: ${rows.length} expected, ${operands.length} given; see --help`,
    );
}

/** Arguments and options as the first line of the help shows them. */
export function usageOf({ arguments: rows = [], options }: Command): string {
  return [...(options.length === 0 ? [] : ['[options]']), ...rows.map(argumentText)].join(' ');
}

function isOptionValue(value: unknown): value is string | readonly string[] | true {
  return value === true || typeof value === 'string' || Array.isArray(value);
}

/** The flags of an option as the help shows them: `-f, --file <FILE>`. */
export function optionFlags({ name, short, value }: OptionRow): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}

/** An argument as the help shows it: `<shell>`, `[name]` where it may be left out. */
export function argumentText({ name, isOptional, isWord }: ArgumentRow): string {
  return isOptional || isWord ? `[${name}]` : `<${name}>`;
}

function parserArgument(row: ArgumentRow): Argument {
  const argument = new Argument(argumentText(row), row.doc);
  return row.choices === undefined ? argument : argument.choices(row.choices);
}

function parserOption(row: OptionRow): Option {
  const repeat = row.repeatable ? ' May be repeated.' : '';
  const fallback = row.fallback === undefined ? '' : ` (default: ${row.fallback})`;
  const offered = row.isOpen && row.choices !== undefined ? ` One of ${row.choices.join(', ')}.` : '';
  const option = new Option(optionFlags(row), `${row.doc}${offered}${repeat}${fallback}`).hideHelp(
    row.isHidden === true,
  );
  if (row.choices !== undefined && !row.isOpen) option.choices(row.choices);
  if (row.repeatable)
    option.argParser((value, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  return option;
}
