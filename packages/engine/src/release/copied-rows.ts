// Rows that a dump writes below `COPY … FROM stdin;`: the text format of COPY (manual, COPY, "Text
// Format"), as the INSERT statements that say the same. PostgreSQL's parser stumbles over the first
// row, which tells where they are; the driver has no way to send them as they stand.

import { literal, name, names, type Sql, sql, trusted } from '../sql.js';

/** Where the rows of one COPY stand in a text. */
export interface CopiedRows {
  /** Where the statement begins, and its rows. */
  readonly statement: number;
  readonly start: number;
  /** Behind the line that ends them. */
  readonly end: number;
  readonly lines: readonly string[];
}

/** Rows of one statement. */
const ROWS_AT_ONCE = 500;

const COPY = /^copy\s[^;]*?\sfrom\s+stdin\b[^;]*;[ \t]*(?:\r?\n|$)/gim;

/**
 * The rows in which the parser has stumbled at `offset`; null where it was over something else.
 * `isCopy` tells whether a text ends in a COPY statement, and not in one that somebody quotes.
 */
export function copiedRowsAt(
  text: string,
  offset: number,
  isCopy: (text: string) => boolean,
): CopiedRows | null {
  const before = [...text.matchAll(COPY)].filter(
    (match) => match.index + match[0].length <= offset,
  );
  const last = before.at(-1);
  if (last === undefined) return null;
  const start = last.index + last[0].length;
  const ending = /^\\\.[ \t]*\r?(?:\n|$)/m.exec(text.slice(start));
  const until = ending === null ? text.length : start + ending.index;
  const end = ending === null ? text.length : until + ending[0].length;
  if (offset >= end || !isCopy(text.slice(0, start))) return null;
  const lines = text.slice(start, until).split(/\r?\n/).slice(0, -1);
  return { statement: last.index, start, end, lines };
}

export interface Copy {
  /** As the parser gives it. */
  readonly schema: string | null;
  readonly table: string;
  /** Empty where the statement names none. */
  readonly columns: readonly string[];
}

/** As INSERT statements, each of so many rows. COPY writes identity columns too. */
export function insertsOf({ schema, table, columns }: Copy, lines: readonly string[]): string[] {
  const at = schema === null ? name(table) : name(schema, table);
  const into = columns.length === 0 ? sql`` : sql` (${names(columns)})`;
  const rows = lines.map((line) => sql`(${line.split('\t').map(valueOfField)})`);
  const inserts: string[] = [];
  for (let first = 0; first < rows.length; first += ROWS_AT_ONCE) {
    const some = rows.slice(first, first + ROWS_AT_ONCE);
    inserts.push(sql`insert into ${at}${into} overriding system value values ${some}`.text);
  }
  return inserts;
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function valueOfField(field: string): Sql {
  if (field === '\\N') return trusted('null');
  const plain = field.replace(
    /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|([\s\S]))/g,
    (_, octal?: string, hex?: string, letter = '') => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      return ESCAPES[letter] ?? letter;
    },
  );
  return literal(plain);
}
