// Key maps and rekey_table: from YAML to the typed model.

import type { Node } from 'yaml';
import type { KeyMap, Position, RekeyTable } from './evolution.js';
import { CHANGE_SHAPES, placesOf, textOf } from './evolution-changes.js';
import { columnsOf, placesOfAll } from './evolution-custom.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';
import { keyOf } from './evolution-split.js';

/** The keys of one key map. */
export const KEY_MAP_SHAPE = {
  required: ['from', 'into', 'column'],
  optional: ['key'],
} as const satisfies Shape;

export function keyMaps(source: EvolutionSource, field: Field): KeyMap[] {
  const entries = source.entries(field.value, field.valueAt, '"keys"') ?? [];
  return entries.map((entry) => keyMapOf(source, entry)).filter((one) => one !== null);
}

const NOTHING = { key: null, places: {} };

function toldBy(
  source: EvolutionSource,
  field: Field,
  what: string,
): Pick<KeyMap, 'key' | 'places'> | null {
  if (source.isMapping(field.value)) {
    const pairs = keyOf(source, field, what);
    return pairs === null ? null : { key: pairs.names, places: pairs.places };
  }
  const query = source.query(field.value, field.valueAt, `"key" of ${what}`);
  return query === null ? null : { key: query, places: {} };
}

function keyMapOf(source: EvolutionSource, entry: Field): KeyMap | null {
  const what = `key map "${entry.name}"`;
  const fields = source.fields(entry.value, entry.valueAt, what, KEY_MAP_SHAPE);
  const drawn = fields?.get('column');
  if (!fields || drawn === undefined) return null;
  const from = textOf(source, fields.get('from'), what);
  const into = textOf(source, fields.get('into'), what);
  const columns = columnsOf(source, drawn, what);
  const key = fields.get('key');
  const told = key === undefined ? NOTHING : toldBy(source, key, what);
  if (from === null || into === null || columns === null || told === null) return null;
  return {
    at: entry.at,
    places: { ...placesOf(fields), ...placesOfAll('column', columns), ...told.places },
    name: entry.name,
    from,
    into,
    columns: columns.map((one) => one.name),
    key: told.key,
  };
}

export function rekeyTable(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): RekeyTable | null {
  const fields = source.fields(node, at, 'rekey_table', CHANGE_SHAPES.rekey_table);
  const drawn = fields?.get('column');
  if (!fields || drawn === undefined) return null;
  const table = textOf(source, fields.get('table'), 'rekey_table');
  const columns = columnsOf(source, drawn, 'rekey_table');
  if (table === null || columns === null) return null;
  return {
    kind: 'rekey_table',
    at,
    places: { ...placesOf(fields), ...placesOfAll('column', columns) },
    table,
    columns: columns.map((one) => one.name),
  };
}
