// unnest_column, nest_table and move_column: from YAML to the typed model.

import type { Node } from 'yaml';
import type { MoveColumn, NestTable, Position, UnnestColumn } from './evolution.js';
import { CHANGE_SHAPES, namesOf, placesOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field } from './evolution-source.js';
import { keyOf } from './evolution-split.js';

export function nesting(kind: 'unnest_column' | 'nest_table') {
  return (
    source: EvolutionSource,
    node: Node | null,
    at: Position,
  ): UnnestColumn | NestTable | null => {
    const fields = source.fields(node, at, kind, CHANGE_SHAPES[kind]);
    if (fields === null) return null;
    const [single, several] = [fields.get('column'), fields.get('columns')];
    if ((single === undefined) === (several === undefined)) {
      return source.report(at, `${kind} takes either "column" or "columns"`);
    }
    const text = (key: string) => textOf(source, fields.get(key), kind);
    const [table, into, value] = [text('table'), text('into'), text('value')];
    const columns = namesOf(source, single ?? several, kind);
    const keyField = fields.get('key');
    const key = keyField === undefined ? null : keyOf(source, keyField, kind);
    if (table === null || into === null || value === null || columns === null) return null;
    if (keyField !== undefined && key === null) return null;
    const position = text('position');
    const delimiter = delimiterOf(source, fields.get('delimiter'), kind);
    if (several !== undefined && (position === null || delimiter !== null)) {
      return source.report(
        several.valueAt,
        'the place of each of "columns" is the only thing that tells them apart: ' +
          'state "position", and no "delimiter"',
      );
    }
    return {
      kind,
      at,
      places: {
        ...placesOf(fields),
        ...key?.places,
        ...Object.fromEntries(columns.map((one) => [`columns.${one.name}`, one.at])),
      },
      table,
      columns: columns.map((one) => one.name),
      into,
      value,
      position,
      key: key?.names ?? null,
      delimiter,
    };
  };
}

/** Text that may be blank: `delimiter: ' '`. */
function delimiterOf(source: EvolutionSource, field: Field | undefined, kind: string) {
  if (field === undefined) return null;
  return source.text(field.value, field.valueAt, `"delimiter" of ${kind}`);
}

export function moveColumn(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): MoveColumn | null {
  const fields = source.fields(node, at, 'move_column', CHANGE_SHAPES.move_column);
  if (fields === null) return null;
  const text = (key: string) => textOf(source, fields.get(key), 'move_column');
  const [table, column, to, as] = [text('table'), text('column'), text('to'), text('as')];
  if (table === null || column === null || to === null) return null;
  return { kind: 'move_column', at, places: placesOf(fields), table, column, to, as: as ?? column };
}
