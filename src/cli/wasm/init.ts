// Answers: `pillion wasm init`: a project for a filter, which builds, tests and answers at once.
// Does not belong here: the projects (examples/wasm/, templates/wasm/).
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { quoted } from '../../core/model/problem.ts';
import { type LanguageName, languageNamed, languages, named } from '../../core/wasm/languages.ts';
import { type Command, exitCodes, type Io, type OptionValues, textOf, UsageError } from '../command.ts';
import { terminalOf } from '../terminal.ts';
import { isJson, outputOption } from '../text-or-json.ts';
import { printFacts } from './facts.ts';
import { writing } from './options.ts';
import { askForName, askForOne } from './questions.ts';

export const initCommand: Command = {
  name: 'wasm init',
  summary: 'Begin a project for a filter.',
  details: [
    'The project is a filter that adds a response header, as its configuration says, with its tests. What is not said is',
    'asked for on a terminal.',
  ],
  examples: [
    'pillion wasm init',
    'pillion wasm init my-filter --language assemblyscript',
    'pillion wasm init my-filter --language rust',
  ],
  arguments: [
    { name: 'directory', isOptional: true, completes: 'directory', doc: 'Where it goes; made where it is not there.' },
  ],
  options: [
    {
      name: 'language',
      value: 'NAME',
      choices: Object.keys(languages),
      isOpen: true,
      doc: 'What it is written in.',
    },
    outputOption,
  ],
  run: init,
};

async function init(io: Io, options: OptionValues): Promise<number> {
  const said = textOf(options, 'language');
  const given = said === undefined ? undefined : readLanguage(said);
  const directory = textOf(options, 'directory') ?? (await askForDirectory(io));
  await refuseFull(directory);
  const language = given ?? (await askForLanguage(io));
  const files = await writeProject(directory, language);
  if (isJson(options)) {
    io.stdout.write(`${JSON.stringify({ directory, language, files }, undefined, 2)}\n`);
    return exitCodes.done;
  }
  tellNext(io, directory, language, files.length);
  return exitCodes.done;
}

function tellNext(io: Io, directory: string, language: LanguageName, count: number): void {
  const { title, needs, build, test, module } = languages[language];
  const name = projectName(directory);
  const image = `registry.example.com/${name}:1`;
  const next = [
    ['Needs', needs],
    ['Go there', `cd ${shellWord(directory)}`],
    ['Build', build],
    ['Test', test],
    ['Look at it', `pillion wasm inspect ${module}`],
    ['Publish', `pillion wasm push ${module} ${image}`],
    ['Switch on', `pillion wasm deploy ${image} --id ${name} -n NAMESPACE --config world --wait`],
  ] as const;
  io.stdout.write(printFacts(`Made ${directory}: a filter in ${title}, ${count} files`, next, terminalOf(io)));
}

/** As a shell takes it. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function readLanguage(text: string): LanguageName {
  const read = languageNamed(text);
  if (read.ok) return read.value;
  throw new UsageError(`Cannot begin a project in ${quoted(text)}: ${read.error}`);
}

async function askForDirectory(io: Io): Promise<string> {
  if (!isPerson(io))
    throw new UsageError(
      'Cannot begin a project: nobody says where; write "pillion wasm init DIRECTORY --language NAME"',
    );
  return askForName(io, 'Directory', 'my-filter');
}

async function askForLanguage(io: Io): Promise<LanguageName> {
  const rows = Object.entries(languages).map(([name, { title, doc }]) => ({ name: name as LanguageName, title, doc }));
  if (!isPerson(io)) {
    const names = rows.map(({ name }) => name).join(', ');
    throw new UsageError(`Cannot begin a project: nobody says in which language; add --language (${names})`);
  }
  return askForOne(io, 'Language', rows, readLanguage);
}

function isPerson({ stdin, stdout }: Io): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

/** Throws where there is anything that could be written over. */
async function refuseFull(directory: string): Promise<void> {
  try {
    const there = await readdir(directory);
    if (there.length === 0) return;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return;
    const why = code === 'ENOTDIR' ? 'it is a file' : 'it cannot be read';
    throw new UsageError(`Cannot begin a project in ${quoted(directory)}: ${why}; name another directory`);
  }
  throw new UsageError(`Cannot begin a project in ${quoted(directory)}: it is not empty; name another directory`);
}

async function writeProject(directory: string, language: LanguageName): Promise<readonly string[]> {
  const { templateFiles } = await import('../../edge/project-templates.ts');
  const files = await templateFiles(languages[language].folder);
  for (const [path, text] of Object.entries(files)) {
    const target = join(directory, named(path, projectName(directory)));
    const write = async (): Promise<void> => {
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, named(text, projectName(directory)));
    };
    await writing(target, write, 'name another directory');
  }
  return Object.keys(files).map((path) => named(path, projectName(directory)));
}

/** A name that npm, cargo, Go and registries take: of the directory, in lower case, with dashes. */
function projectName(directory: string): string {
  const name = basename(resolve(directory))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+|-+$/g, '');
  return name || 'my-filter';
}
