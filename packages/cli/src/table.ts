// Tables of text. A table that is wider than the terminal is made narrower by breaking the lines of
// its cells, so that nothing of a row is lost. Pure.

/** Below this a column holds little but broken words. */
const LEAST_COLUMNS = 10;
/** Between two columns. */
const GAP = 2;

/**
 * Columns under upper-case headings, without borders. Cells may hold several lines; those that are
 * too long for all columns together to fit into `width` are broken, as far as `LEAST_COLUMNS` and
 * the headings allow. Coloured cells are not broken.
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
    Math.max(lengthOf(title), ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const least = head.map((title, column) => {
    const isColoured = rows.some((row) => row[column]?.includes(ESCAPE));
    return isColoured ? (widths[column] ?? 0) : Math.max(lengthOf(title), LEAST_COLUMNS);
  });
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

/** Letters that take two columns: those of East Asia, and pictures (Unicode, annex 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]|\p{Emoji_Presentation}/u;

const ESCAPE = '\u001b';

/** The widest column that may still become narrower; -1 for none. */
function widest(widths: readonly number[], least: readonly number[]): number {
  let found = -1;
  widths.forEach((width, column) => {
    if (width > (least[column] ?? 0) && width > (widths[found] ?? 0)) found = column;
  });
  return found;
}

/** Breaks after spaces; in what is too long for a line after marks; in a word where it must. */
function breakLines(cell: string, width: number): string {
  if (widthOf(cell) <= width || cell.includes(ESCAPE)) return cell;
  const lines = cell.split('\n').flatMap((line) => {
    const broken = [''];
    const pieces = line.split(/(?<= )/).flatMap((word) => piecesOf(word, width));
    for (const piece of pieces) {
      const longer = (broken.at(-1) ?? '') + piece;
      if (lengthOf(longer.trimEnd()) <= width) broken[broken.length - 1] = longer;
      else broken.push(piece);
    }
    return broken.map((one) => one.trimEnd());
  });
  return lines.join('\n');
}

function piecesOf(word: string, width: number): string[] {
  if (lengthOf(word.trimEnd()) <= width) return [word];
  return word.split(/(?<=[/_.,:-])/).flatMap((part) => chunksOf(part, width));
}

function chunksOf(part: string, width: number): string[] {
  const chunks = [''];
  for (const letter of part) {
    const longer = (chunks.at(-1) ?? '') + letter;
    if (lengthOf(longer) <= width) chunks[chunks.length - 1] = longer;
    else chunks.push(letter);
  }
  return chunks;
}

function widthOf(cell: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with escape.
  const plain = cell.replace(/\u001b\[\d+m/g, '');
  return Math.max(...plain.split('\n').map(lengthOf));
}

/** Columns that a terminal takes for the text. */
export function lengthOf(text: string): number {
  let columns = 0;
  for (const letter of text) columns += WIDE.test(letter) ? 2 : 1;
  return columns;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
