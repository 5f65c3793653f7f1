// Answers: how does kubectl print a table. As `kubectl get pod -o custom-columns=…` does: columns as wide as their widest
// cell and three spaces more, lists with commas, `<none>` for nothing.

const gap = 3;
const narrowest = 6;

/** The rows under the headings, as text with a line end each. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(narrowest, ...all.map((row) => (row[column] ?? '').length + gap)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('');
  return all.map((row) => `${line(row)}\n`).join('');
}

/** A cell with a list. */
export function listCell(elements: readonly string[]): string {
  return elements.length === 0 ? '<none>' : elements.join(',');
}
