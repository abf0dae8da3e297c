// evolution.yaml → Evolution, with the place of everything, so that whatever is wrong later can be
// shown where it was written. Names are checked against the releases by checkNames.
//
// Invariant: one key in the file is one change kind with a fixed set of keys (CHANGE_SHAPES);
// schemas/evolution.schema.json says the same to editors, and a test compares the two.

import { compareVersions } from '@halflap/protocol';
import type { Node } from 'yaml';
import type { Change, Evolution } from './evolution.js';
import { columnChange, convertColumn, renameLabel, renameTable } from './evolution-changes.js';
import { conflictsIn } from './evolution-conflicts.js';
import { custom } from './evolution-custom.js';
import { dirtyPolicies } from './evolution-dirty.js';
import { keyMaps, rekeyTable } from './evolution-keys.js';
import { lookup } from './evolution-lookup.js';
import { mergeTables } from './evolution-merge.js';
import { moveColumn, nesting } from './evolution-nesting.js';
import { partitionRows, uniteTables } from './evolution-shares.js';
import { EvolutionSource } from './evolution-source.js';
import { splitTable } from './evolution-split.js';
import { refuseFindings } from './findings.js';
import { didYouMean } from './suggest.js';

/** Parses one change whose kind is known; null after a finding. */
type ChangeParser = (source: EvolutionSource, node: Node | null, at: Change['at']) => Change | null;

const PARSERS: Readonly<Record<Change['kind'], ChangeParser>> = {
  rename_table: renameTable,
  rename_column: columnChange('rename_column'),
  rename_label: renameLabel,
  convert_column: convertColumn,
  add_column: columnChange('add_column'),
  drop_column: columnChange('drop_column'),
  split_table: splitTable,
  merge_tables: mergeTables,
  extract_table: lookup('extract_table'),
  inline_table: lookup('inline_table'),
  unnest_column: nesting('unnest_column'),
  nest_table: nesting('nest_table'),
  partition_rows: partitionRows,
  unite_tables: uniteTables,
  move_column: moveColumn,
  rekey_table: rekeyTable,
  custom,
};

/** Keys of the file itself. */
export const FILE_SHAPE = { required: ['from'], optional: ['keys', 'changes', 'dirty'] } as const;

/**
 * Reads the text of an evolution file. Needs loadParser() to have been called.
 * @throws EVOLUTION_INVALID with every finding as evidence; line and column are those of the first.
 */
export function parseEvolution(
  text: string,
  { file, to }: { readonly file: string; readonly to: string },
): Evolution {
  const source = new EvolutionSource(text);
  refuseFindings(source.findings, file);
  const fields = source.fields(source.root, { line: 1, column: 1 }, 'the file', FILE_SHAPE);
  const fromField = fields?.get('from');
  const from = fromField && source.text(fromField.value, fromField.valueAt, '"from"');
  if (fromField && from && compareVersions(from, to) >= 0) {
    source.report(fromField.valueAt, `"from" is ${from}, which is not older than release ${to}`);
  }
  const list = fields?.get('changes');
  // `changes:` over lines that are all commented out.
  const isEmpty = list === undefined || source.isNothing(list.value);
  const changes = isEmpty ? [] : changesIn(source, list.value, list.valueAt);
  const maps = fields?.get('keys');
  const keys = maps === undefined ? [] : keyMaps(source, maps);
  const stated = fields?.get('dirty');
  const dirty = stated === undefined ? [] : dirtyPolicies(source, stated);
  refuseFindings([...source.findings, ...conflictsIn(changes)], file);
  const changesAt = list?.at ?? { line: 1, column: 1 };
  return { from: from ?? '', to, keys, changes, dirty, file, changesAt };
}

function changesIn(source: EvolutionSource, node: Node | null, at: Change['at']): Change[] {
  const items = source.items(node, at, '"changes"') ?? [];
  const changes = items.map((item) => changeIn(source, item));
  return changes.filter((change) => change !== null);
}

function changeIn(source: EvolutionSource, node: Node): Change | null {
  const entries = source.entries(node, source.at(node), 'a change');
  if (entries === null) return null;
  const [entry, extra] = entries;
  if (entry === undefined) return source.report(source.at(node), 'a change is empty');
  if (!isKind(entry.name)) {
    const advice = didYouMean(entry.name, Object.keys(PARSERS));
    return source.report(entry.at, `unknown change "${entry.name}"${advice}`);
  }
  if (extra !== undefined) {
    return source.report(
      extra.at,
      `a change has one kind, found "${entry.name}" and "${extra.name}"; indent what belongs to it`,
    );
  }
  return PARSERS[entry.name](source, entry.value, entry.at);
}

function isKind(word: string): word is Change['kind'] {
  return Object.hasOwn(PARSERS, word);
}
