// Answers: how is a diagnosis laid out for a terminal.
import type { CheckOutcome, Diagnosis } from '../core/doctor/checks.ts';
import { count, type Finding, type Severity } from '../core/doctor/findings.ts';
import { bold, paint, type Terminal, wrap } from './terminal.ts';

/** SGR colours: https://en.wikipedia.org/wiki/ANSI_escape_code#Colors */
const colours = { ok: 32, error: 31, warning: 33, unchecked: 90 } as const;

/** Every check with what it saw, the findings under it, and how many there are. */
export function printDiagnosis({ server, checks, counts }: Diagnosis, terminal: Terminal): string {
  const column = Math.max(...checks.map(({ title }) => title.length)) + 2;
  const lines = [
    bold(`Pillion in the cluster of ${server}`, terminal),
    '',
    ...checks.flatMap((check) => checkLines(check, column, terminal)),
    '',
    conclusion(counts, checks.filter(({ kind }) => kind === 'unchecked').length, terminal),
  ];
  return `${lines.join('\n')}\n`;
}

function checkLines(check: CheckOutcome, column: number, terminal: Terminal): readonly string[] {
  const findings = check.kind === 'checked' ? check.findings : [];
  const { mark, colour } = markOf(check);
  const [first = '', ...rest] = wrap(check.kind === 'checked' ? check.saw : check.why, terminal.width - column - 4);
  const indent = ' '.repeat(column + 4);
  return [
    `  ${paint(mark, colour, terminal)} ${check.title.padEnd(column)}${first}`,
    ...rest.map((line) => indent + line),
    ...findings.flatMap((finding, at) => [
      ...findingLines(finding, indent, terminal),
      // once for several that are put right the same way
      ...(findings[at + 1]?.remedy === finding.remedy ? [] : remedyLines(finding, indent, terminal)),
    ]),
  ];
}

function markOf(check: CheckOutcome): { readonly mark: string; readonly colour: number } {
  if (check.kind === 'unchecked') return { mark: '–', colour: colours.unchecked };
  if (check.findings.length === 0) return { mark: '✓', colour: colours.ok };
  const isError = check.findings.some(({ severity }) => severity === 'error');
  return { mark: '✗', colour: isError ? colours.error : colours.warning };
}

function findingLines({ finding, severity, what }: Finding, indent: string, terminal: Terminal): string[] {
  const [first = '', ...rest] = wrap(`${severity}: ${what} (${finding})`, terminal.width - indent.length);
  const coloured = first.replace(severity, paint(severity, colours[severity], terminal));
  return [indent + coloured, ...rest.map((line) => indent + line)];
}

function remedyLines({ remedy }: Finding, indent: string, terminal: Terminal): string[] {
  return wrap(remedy, terminal.width - indent.length - 2).map(
    (line, at) => `${indent}${at === 0 ? '→ ' : '  '}${line}`,
  );
}

function conclusion(counts: Diagnosis['counts'], unchecked: number, terminal: Terminal): string {
  const numbers = (['error', 'warning'] as const)
    .filter((severity) => counts[severity] > 0)
    .map((severity: Severity) => paint(count(counts[severity], severity), colours[severity], terminal));
  const said = numbers.length === 0 ? paint('Nothing is wrong', colours.ok, terminal) : numbers.join(', ');
  return unchecked === 0 ? said : `${said}; ${count(unchecked, 'check')} could say nothing`;
}
