// Answers: how is an explanation laid out for a terminal.
import type { TraceEntry } from '../core/model/verdict.ts';
import type { Explanation } from './explanation.ts';
import type { LivePod } from './live-pod.ts';
import { bold, paint, type Terminal, wrap } from './terminal.ts';

type Outcome = TraceEntry['outcome'];

const marks: Readonly<Record<Outcome, string>> = {
  pass: '✓',
  inject: '●',
  deliver: '●',
  skip: '●',
  deny: '●',
  note: '–',
};
const decisions: Readonly<Record<Explanation['decision'], string>> = {
  inject: 'Injected',
  deliver: 'Supplied',
  skip: 'Not injected',
  deny: 'Denied',
};
/** SGR colours: https://en.wikipedia.org/wiki/ANSI_escape_code#Colors */
const colours: Readonly<Record<Outcome, number>> = { pass: 32, inject: 32, deliver: 32, skip: 33, deny: 31, note: 90 };

/** The explanation as text: what the pod is, each gate, the decision in a sentence, and what follows from it. */
export function printExplanation(explanation: Explanation, terminal: Terminal): string {
  const { kind, name, namespace, revision, gates } = explanation;
  const title = `${kind} ${name || '(without a name)'} in namespace ${namespace}, revision ${revision}`;
  const column = Math.max(0, ...gates.map(({ gate }) => gate.length)) + 2;
  // a gate that spoke for the pod did not decide when a later one spoke against it
  const decided = gates.findLastIndex(decides);
  const lines = [
    bold(title, terminal),
    ...(explanation.live === undefined ? [] : wrap(liveText(explanation.live), terminal.width)),
    '',
    ...gates.flatMap((entry, index) =>
      gateLines({ ...entry, outcome: index < decided && decides(entry) ? 'pass' : entry.outcome }, column, terminal),
    ),
    '',
    ...conclusion(explanation, terminal),
  ];
  return `${lines.join('\n')}\n`;
}

/** The pod stays as it is, whatever would be decided now. */
function liveText({ injected, native, revision, leftWaiting }: LivePod): string {
  const form = native === undefined ? 'without a proxy' : native ? 'with a native sidecar' : 'with a plain sidecar';
  const by = revision === undefined ? '' : ` by revision ${revision}`;
  const was = injected ? `It was injected already${by}, ${form}` : 'It was not injected when it was created';
  const waits = leftWaiting === undefined ? '' : `. It waits to be started: ${leftWaiting}`;
  return `${was}${waits}. If it were created now:`;
}

function decides({ outcome }: TraceEntry): boolean {
  return outcome === 'inject' || outcome === 'deliver' || outcome === 'skip' || outcome === 'deny';
}

function gateLines({ gate, outcome, because }: TraceEntry, column: number, terminal: Terminal): string[] {
  const mark = paint(marks[outcome], colours[outcome], terminal);
  const [first = '', ...rest] = wrap(because, terminal.width - column - 4);
  return [`  ${mark} ${gate.padEnd(column)}${first}`, ...rest.map((line) => `    ${' '.repeat(column)}${line}`)];
}

/** One part of the conclusion: a heading and the sentences behind it, or below it where they are long. */
interface Row {
  readonly heading: string;
  readonly texts: readonly string[];
  readonly colour?: number;
  readonly below?: boolean;
}

function conclusion(explanation: Explanation, terminal: Terminal): string[] {
  const { decision, because, reason, native, templates, modules, differences, problems, remedy, warnings } =
    explanation;
  const changes = (change: 'added' | 'changed'): string[] =>
    differences.filter((one) => one.change === change).map(differenceText);
  const rows: Row[] = [
    { heading: decisions[decision], texts: [`${because} (${reason})`], colour: colours[decision] },
    { heading: native?.native ? 'Native' : 'Plain', texts: native === undefined ? [] : [nativeText(native)] },
    {
      heading: templates.length === 1 ? 'Template' : 'Templates',
      texts: templates.length === 0 ? [] : [templates.join(', ')],
    },
    { heading: 'Modules', texts: modules.map(moduleText) },
    { heading: 'Added', texts: changes('added') },
    { heading: 'Changed', texts: changes('changed') },
    { heading: 'To change it', texts: remedy === undefined ? [] : [remedy] },
    { heading: 'Problems', texts: problems, colour: colours.deny, below: true },
    { heading: 'Warnings', texts: warnings, colour: colours.skip, below: true },
  ];
  const shown = rows.filter(({ texts }) => texts.length > 0);
  const column = Math.max(...shown.map(({ heading }) => heading.length)) + 2;
  return shown.flatMap((row) => (row.below ? rowBelow(row, terminal) : rowBeside(row, column, terminal)));
}

function rowBelow({ heading, texts, colour }: Row, terminal: Terminal): string[] {
  const lines = texts.flatMap((text) => hanging(text, terminal.width - 2));
  return [paint(heading, colour, terminal), ...lines.map((line) => `  ${line}`)];
}

function rowBeside({ heading, texts, colour }: Row, column: number, terminal: Terminal): string[] {
  const [first = '', ...rest] =
    texts.length === 1
      ? wrap(texts[0] ?? '', terminal.width - column)
      : texts.flatMap((text) => hanging(text, terminal.width - column));
  const padding = ' '.repeat(column - heading.length);
  return [`${paint(heading, colour, terminal)}${padding}${first}`, ...rest.map((line) => ' '.repeat(column) + line)];
}

/** Wrapped, with the lines after the first one set in: one element of a list. */
function hanging(text: string, width: number): string[] {
  return wrap(text, width - 2).map((line, index) => (index === 0 ? line : `  ${line}`));
}

function nativeText({ because, detail }: NonNullable<Explanation['native']>): string {
  return `${because.replace(/\.$/, '')}: ${detail}.`;
}

function moduleText({ extension, module, delivery }: Explanation['modules'][number]): string {
  return `${extension ?? module}: ${delivery}`;
}

function differenceText({ what, names }: Explanation['differences'][number]): string {
  const noun = names.length === 1 ? what.replace(/s$/, '') : what;
  return `${names.length} ${noun}: ${names.join(', ')}`;
}
