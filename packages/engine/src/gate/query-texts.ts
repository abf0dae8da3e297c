// Files of SQL as single statements with their lines, as applications write them: PostgreSQL's own
// scanner finds where statements end, and its parser reads each of them by itself, so that one that
// cannot be read does not hide the others.
//
// Placeholders of drivers (`:name`, `@name`, `?`) become parameters. `?` between two operands is
// the operator of jsonb.

import { hasSqlDetails, type Node, parseSync, type ScanToken, scanSync } from 'libpg-query';

/** Where a statement stands: in a file, or in what pg_stat_statements remembers of a database. */
export type QueryPlace =
  | {
      readonly file: string;
      /** Of its first word, counted from 1. */
      readonly line: number;
    }
  | {
      /** As PostgreSQL numbers it: a number of 64 bits. */
      readonly queryid: string;
      readonly calls: number;
    };

export interface ReadQuery {
  /** With $1, $2, … for placeholders. */
  readonly text: string;
  /** Null where it does not parse; `problem` says why. */
  readonly tree: Node | null;
  readonly problem: string | null;
}

export type QueryText = QueryPlace & ReadQuery;

/** The parser must be loaded (loadParser). */
export function readQueries(text: string, file: string): QueryText[] {
  const bytes = Buffer.from(text.replace(/^\uFEFF/, ''));
  const piece = (from: number, to: number) => bytes.subarray(from, to).toString();
  const lineOf = (offset: number) => piece(0, offset).split('\n').length;
  let tokens: ScanToken[];
  try {
    tokens = scanSync(bytes.toString()).tokens.filter(
      ({ tokenName }) => !/^(SQL|C)_COMMENT$/.test(tokenName),
    );
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    return [{ file, line: 1, text: '', tree: null, problem: error.message }];
  }
  return split(tokens).map((one) => {
    const line = lineOf(one[0]?.start ?? 0);
    return { file, line, ...readQuery(withParameters(one, piece)) };
  });
}

/** At each semicolon outside of parentheses; statements without a word are none. */
function split(tokens: readonly ScanToken[]): ScanToken[][] {
  const statements: ScanToken[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === '(') depth += 1;
    if (token.text === ')') depth -= 1;
    if (token.text === ';' && depth <= 0) {
      statements.push([]);
      depth = 0;
    } else {
      statements.at(-1)?.push(token);
    }
  }
  return statements.filter((one) => one.length > 0);
}

/** One statement as PostgreSQL takes it. The parser must be loaded (loadParser). */
export function readQuery(text: string): ReadQuery {
  try {
    return { text, tree: parseSync(text).stmts?.[0]?.stmt ?? null, problem: null };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    return { text, tree: null, problem: error.message };
  }
}

/** Operators that stand directly before a placeholder without a blank between: `=?`, `>=@name`. */
const GLUED = /^(=|<|>|<=|>=|<>|!=|\+|-|\*|\/|\|\|)([?@])$/;

/** Words after which a value comes, and not an operator. */
const BEFORE_VALUE = new Set(
  `limit offset and or where in like ilike between then else when set values select returning by
   not on having is using case first next`.split(/\s+/),
);

/** The text from its first word to its last, each placeholder as a parameter. */
function withParameters(
  tokens: readonly ScanToken[],
  piece: (from: number, to: number) => string,
): string {
  const given = tokens.flatMap(({ text }) => /^\$(\d+)$/.exec(text)?.[1] ?? []).map(Number);
  let last = Math.max(0, ...given);
  const named = new Map<string, number>();
  const next = (name: string | null) => {
    const known = name === null ? undefined : named.get(name);
    if (known !== undefined) return `$${known}`;
    last += 1;
    if (name !== null) named.set(name, last);
    return `$${last}`;
  };
  let result = '';
  let at = tokens[0]?.start ?? 0;
  let brackets = 0;
  tokens.forEach((token, index) => {
    if (token.start < at) return;
    const [before, after] = [tokens[index - 1], tokens[index + 1]];
    if (token.text === '[') brackets += 1;
    if (token.text === ']') brackets -= 1;
    const found = placeholderAt(token, { before, after, isSubscript: brackets > 0 });
    if (found === null) return;
    result += `${piece(at, token.start)}${found.operator}${next(found.name)}`;
    at = found.end;
  });
  return result + piece(at, tokens.at(-1)?.end ?? at);
}

interface Around {
  readonly before: ScanToken | undefined;
  readonly after: ScanToken | undefined;
  readonly isSubscript: boolean;
}

function placeholderAt(token: ScanToken, { before, after, isSubscript }: Around) {
  const [, operator = '', sign = token.text] = GLUED.exec(token.text) ?? [];
  const space = operator === '' ? '' : ' ';
  if (sign === '?') {
    if (operator === '' && endsOperand(before) && startsOperand(after)) return null;
    return { operator: operator + space, name: null, end: token.end };
  }
  const isName = after?.start === token.end && /^[A-Za-z_]\w*$/.test(after.text);
  if (!isName || isSubscript || (sign !== '@' && sign !== ':')) return null;
  return { operator: operator + space, name: after.text, end: after.end };
}

function endsOperand(token: ScanToken | undefined): boolean {
  if (token === undefined || BEFORE_VALUE.has(token.text.toLowerCase())) return false;
  return /^[\w"'$)\]]/.test(token.text);
}

function startsOperand(token: ScanToken | undefined): boolean {
  if (token === undefined || BEFORE_VALUE.has(token.text.toLowerCase())) return false;
  return /^[\w"'$(]/.test(token.text);
}
