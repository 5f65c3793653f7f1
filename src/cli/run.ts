// Answers: which commands are there, and what does a command line ask of them. Mistakes end in one line and exit code 2.
// Does not belong here: what a command does (one file each).
import { Argument, CommanderError, Option, Command as Parser } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import {
  type ArgumentRow,
  type Command,
  exitCodes,
  type Io,
  type OptionRow,
  type OptionValues,
  UsageError,
} from './command.ts';
import { completionCommand } from './completion.ts';
import { controlCommand } from './control.ts';
import { doctorCommand } from './doctor.ts';
import { injectCommand } from './inject.ts';
import { installCommand } from './install.ts';
import { serveCommand } from './serve.ts';
import { uninstallCommand } from './uninstall.ts';
import { whyCommand } from './why.ts';

const commands: readonly Command[] = [
  injectCommand,
  whyCommand,
  doctorCommand,
  installCommand,
  uninstallCommand,
  serveCommand,
  controlCommand,
];

/** Every command, in the order of the help. docs/cli.md and the shell completion are made from it too. */
export const commandTable: readonly Command[] = [...commands, completionCommand(commands)];

/** Runs the command that the arguments (without node and script) name; returns the exit code. */
export async function runCommandLine(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = programOf(io);
  for (const command of commandTable) {
    addCommand(program, command, async (values) => {
      exitCode = await command.run(io, values);
    });
  }
  if (args.length === 0) {
    io.stdout.write(program.helpInformation());
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
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      outputError: (text, write) => write(usageMessage(text)),
    });
}

/** The parser's message in one line: `Cannot run this: unknown option '--natve' (Did you mean --native?)`. */
function usageMessage(text: string): string {
  const line = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  const isPod = /^command-argument value .* for argument 'kind'/.test(line);
  const isFile = isPod || /^too many arguments/.test(line);
  const hint = isFile ? `; files are named with -f${isPod ? ', pods of a cluster as "pod NAME"' : ''}` : '';
  return `Cannot run this: ${line}${hint}; see --help\n`;
}

function addCommand(program: Parser, command: Command, run: (values: OptionValues) => Promise<void>): void {
  const parser = program.command(command.name).summary(command.summary).description(command.summary);
  for (const row of command.arguments ?? []) parser.addArgument(parserArgument(row));
  for (const row of command.options) parser.addOption(parserOption(row));
  const lines = [...command.details, '', 'Examples:', ...command.examples.map((example) => `  ${example}`)];
  parser.addHelpText('after', `\n${lines.join('\n')}`);
  parser.action(async () => {
    const given = command.options.flatMap((row): [string, string | readonly string[] | true][] => {
      const value: unknown = parser.getOptionValue(parserOption(row).attributeName());
      return isOptionValue(value) ? [[row.name, value]] : [];
    });
    const named = (command.arguments ?? []).flatMap(({ name }, at): [string, string][] => {
      const argument = parser.args[at];
      return argument === undefined ? [] : [[name, argument]];
    });
    await run(new Map([...given, ...named]));
  });
}

function isOptionValue(value: unknown): value is string | readonly string[] | true {
  return value === true || typeof value === 'string' || Array.isArray(value);
}

/** The flags of an option as the help shows them: `-f, --file <FILE>`. */
export function optionFlags({ name, short, value }: OptionRow): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}

/** An argument as the help shows it: `<shell>`, `[name]` where it may be left out. */
export function argumentText({ name, isOptional }: ArgumentRow): string {
  return isOptional ? `[${name}]` : `<${name}>`;
}

function parserArgument(row: ArgumentRow): Argument {
  const argument = new Argument(argumentText(row), row.doc);
  return row.choices === undefined ? argument : argument.choices(row.choices);
}

function parserOption(row: OptionRow): Option {
  const repeat = row.repeatable ? ' May be repeated.' : '';
  const fallback = row.fallback === undefined ? '' : ` (default: ${row.fallback})`;
  const option = new Option(optionFlags(row), `${row.doc}${repeat}${fallback}`);
  if (row.choices !== undefined) option.choices(row.choices);
  if (row.repeatable)
    option.argParser((value, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
  return option;
}
