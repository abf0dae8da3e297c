// Where a character of a YAML scalar's value stands in the file: quotes, escapes, folded lines and
// the indentation of block scalars lie between the two.

import type { Scalar } from 'yaml';

/** How many characters follow the backslash of an escape in double quotes; 1 for all others. */
const ESCAPE_DIGITS: Readonly<Record<string, number>> = { x: 3, u: 5, U: 9 };

/** Offset in the source of the value's character at `offset`; the scalar's start if they part. */
export function offsetInSource(source: string, scalar: Scalar, offset: number): number {
  const value = String(scalar.value);
  const [start, end] = scalar.range ?? [0, 0];
  let position = contentStart(source, scalar.type, start);
  for (let index = 0; position < end; index++) {
    position = skipTo(source, position, value[index]);
    if (index >= offset) return Math.min(position, end);
    position += widthAt(source, position, scalar.type);
  }
  return offset === 0 ? start : end;
}

function contentStart(source: string, type: Scalar.Type | undefined, start: number): number {
  if (type === 'QUOTE_SINGLE' || type === 'QUOTE_DOUBLE') return start + 1;
  const isBlock = type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED';
  return isBlock ? source.indexOf('\n', start) + 1 : start;
}

/** Passes over indentation and line ends that the value does not hold. */
function skipTo(source: string, position: number, wanted: string | undefined): number {
  let at = position;
  while (/\s/.test(source[at] ?? '') && source[at] !== wanted) {
    // Folding turns the end of a line into a space.
    if (wanted === ' ' && source[at] === '\n') return at;
    at++;
  }
  return at;
}

function widthAt(source: string, at: number, type: Scalar.Type | undefined): number {
  if (type === 'QUOTE_SINGLE' && source.startsWith("''", at)) return 2;
  if (type !== 'QUOTE_DOUBLE' || source[at] !== '\\') return 1;
  return 1 + (ESCAPE_DIGITS[source[at + 1] ?? ''] ?? 1);
}
