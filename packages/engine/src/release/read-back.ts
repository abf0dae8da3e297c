// Expressions that PostgreSQL prints in one way when it has read them for the first time, and in
// another when what was printed is read again: by contract, which makes a check in a table of its
// own, and by pg_dump. Both are brought to the second.
//
// | written                    | printed first              | printed when read again  |
// |----------------------------|----------------------------|--------------------------|
// | s in ('a') of a varchar    | ('a'::varchar)::text[]     | ('a'::varchar)::text each |
// | a between 1 and 2 and b    | ((a >= 1) AND (a <= 2)) AND b | (a >= 1) AND (a <= 2) AND b |
//
// The parser makes one list of `a AND b AND c` where the first of two operands is a list itself.

const VARCHARS = /\(ARRAY\[((?:'(?:[^']|'')*'::character varying(?:, )?)+)\]\)::text\[\]/g;

export function readBack(expression: string): string {
  return withoutNests(
    expression.replace(VARCHARS, (_, list: string) => {
      return `ARRAY[${list.replace(/'(?:[^']|'')*'::character varying/g, '($&)::text')}]`;
    }),
  );
}

/** `((a AND b) AND c)` as `(a AND b AND c)`, and the same of OR. */
function withoutNests(expression: string): string {
  for (let at = 0; at < expression.length; at += 1) {
    if (expression[at] !== '(' || (at > 0 && expression[at - 1] !== '(')) continue;
    const end = closing(expression, at);
    const operator = / (?:AND|OR) /y;
    operator.lastIndex = end + 1;
    const [found] = operator.exec(expression) ?? [];
    const inner = expression.slice(at + 1, end);
    if (found === undefined || !isChainOf(inner, found)) continue;
    return withoutNests(expression.slice(0, at) + inner + expression.slice(end + 1));
  }
  return expression;
}

/** Whether its operands stand side by side, with this operator between them and no other. */
function isChainOf(text: string, operator: string): boolean {
  let isFound = false;
  for (let at = 0; at < text.length; at = next(text, at)) {
    if (text.startsWith(operator, at)) isFound = true;
    else if (text.startsWith(' AND ', at) || text.startsWith(' OR ', at)) return false;
  }
  return isFound;
}

/** Where the parenthesis at `open` is closed. */
function closing(text: string, open: number): number {
  let at = open + 1;
  while (at < text.length && text[at] !== ')') at = next(text, at);
  return at;
}

/** Behind the character at `at`, or behind the whole of what it opens. */
function next(text: string, at: number): number {
  const letter = text[at];
  if (letter === '(') return closing(text, at) + 1;
  if (letter !== "'" && letter !== '"') return at + 1;
  const end = text.indexOf(letter, at + 1);
  return end < 0 ? text.length : end + 1;
}
