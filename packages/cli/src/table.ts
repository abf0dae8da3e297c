// Tables of text. A table that is wider than the terminal is made narrower by breaking the lines of
// its cells, so that nothing of a row is lost. Pure.

import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Below this a column holds little but broken words. */
const LEAST_COLUMNS = 10;
/** Between two columns. */
const GAP = 2;

/**
 * Columns under upper-case headings, without borders. Cells may hold several lines; those that are
 * too long for all columns together to fit into `width` are broken, as far as `LEAST_COLUMNS` and
 * the headings allow.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const titles = head.map((title) => title.toUpperCase());
  const widths = widthsFor(titles, rows, width);
  return [titles, ...rows]
    .map((row) => row.map((cell, column) => breakLines(cell, widths[column] ?? 0)))
    .flatMap((row) => linesOf(row, widths))
    .join('\n');
}

function widthsFor(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  const widths = head.map((title, column) =>
    Math.max(stringWidth(title), ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const least = head.map((title) => Math.max(stringWidth(title), LEAST_COLUMNS));
  const room = width - GAP * (head.length - 1);
  while (sum(widths) > room) {
    const column = widest(widths, least);
    if (column === -1) break;
    widths[column] = (widths[column] ?? 0) - 1;
  }
  return widths;
}

function linesOf(row: readonly string[], widths: readonly number[]): string[] {
  const cells = row.map((cell) => cell.split('\n'));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, at) =>
    cells
      .map((lines, column) => {
        const text = lines[at] ?? '';
        return text + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(text)));
      })
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

/** The widest column that may still become narrower; -1 for none. */
function widest(widths: readonly number[], least: readonly number[]): number {
  let found = -1;
  widths.forEach((width, column) => {
    if (width > (least[column] ?? 0) && width > (widths[found] ?? 0)) found = column;
  });
  return found;
}

function breakLines(cell: string, width: number): string {
  return widthOf(cell) <= width ? cell : wrapAnsi(cell, width, { hard: true });
}

function widthOf(cell: string): number {
  return Math.max(...cell.split('\n').map((line) => stringWidth(line)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
