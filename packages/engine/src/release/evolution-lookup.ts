// extract_table and inline_table: from YAML to the typed model.

import type { Node } from 'yaml';
import type { ExtractTable, InlineTable, Places, Position } from './evolution.js';
import { CHANGE_SHAPES, placesOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field } from './evolution-source.js';

export function lookup(kind: 'extract_table' | 'inline_table') {
  return (
    source: EvolutionSource,
    node: Node | null,
    at: Position,
  ): ExtractTable | InlineTable | null => {
    const fields = source.fields(node, at, kind, CHANGE_SHAPES[kind]);
    const columns = fields?.get('columns');
    if (!fields || columns === undefined) return null;
    const text = (key: string) => textOf(source, fields.get(key), kind);
    const [table, into, reference] = [text('table'), text('into'), text('reference')];
    const pairs = columnsOf(source, columns, kind);
    if (table === null || into === null || reference === null || pairs === null) return null;
    // The file names the old release's column first.
    const values = pairs.map(({ name, other }) =>
      kind === 'extract_table' ? ([other, name] as const) : ([name, other] as const),
    );
    return {
      kind,
      at,
      places: { ...placesOf(fields), ...placesOfPairs(pairs) },
      table,
      into,
      reference,
      values: Object.fromEntries(values),
    };
  };
}

/** `columns.ONE` where a pair's first name stands, `columns=ONE` the other. */
function placesOfPairs(pairs: NonNullable<ReturnType<typeof columnsOf>>): Places {
  return Object.fromEntries(
    pairs.flatMap(({ name, at, otherAt }) => [
      [`columns.${name}`, at],
      [`columns=${name}`, otherAt],
    ]),
  );
}

function columnsOf(source: EvolutionSource, field: Field, kind: string) {
  const what = `"${field.name}" of ${kind}`;
  const entries = source.entries(field.value, field.valueAt, what);
  if (entries === null) return null;
  if (entries.length === 0) return source.report(field.valueAt, `${what} is empty`);
  const pairs = entries.flatMap((entry) => {
    const other = textOf(source, entry, kind);
    if (other === null) return [];
    return [{ name: entry.name, other, at: entry.at, otherAt: entry.valueAt }];
  });
  return pairs.length < entries.length ? null : pairs;
}
