// From two catalogues to the evolution that its author may have meant: what can be told, with the
// reason; what cannot, as questions. Pure: an answer is given by asking again with it.
//
// Each stage sees what the stages before it have found, as the compiler would pair it (layoutOf),
// so that one rule says what is left to explain. Tables come before columns, and values last.

import { layoutOf } from '../compile/layout.js';
import type { Catalog } from '../release/catalog.js';
import type { Change, Evolution } from '../release/evolution.js';
import { readExpression } from '../release/expression.js';
import { typesApart } from '../release/types-apart.js';
import type { Found, Proposal, Proposed, Question, Sight } from './proposal.js';
import { proposeAbsent } from './propose-absent.js';
import { proposeColumns, proposeTypes } from './propose-columns.js';
import { proposeKeys } from './propose-keys.js';
import { proposeLabels } from './propose-labels.js';
import { proposeMoves } from './propose-moves.js';
import { proposeParts, proposeTables } from './propose-tables.js';
import { proposeValues } from './propose-values.js';
import { remarksOn } from './restructurings.js';

export interface Differing {
  readonly from: { readonly version: string; readonly catalog: Catalog };
  readonly to: { readonly version: string; readonly catalog: Catalog };
  /** What is stated already; nothing else is proposed about it. */
  readonly evolution?: Pick<Evolution, 'keys' | 'changes' | 'dirty' | 'file'>;
}

/** Answers by the id of their question: a word of its choices, `none`, or an SQL expression. */
export type Answers = ReadonlyMap<string, string>;

const STAGES: readonly ((sight: Sight) => Found)[] = [
  proposeTables,
  proposeParts,
  proposeKeys,
  proposeMoves,
  proposeColumns,
  proposeLabels,
  proposeTypes,
  proposeValues,
];

/** Needs loadParser() to have been called. */
export function propose(releases: Differing, answers: Answers = new Map()): Proposal {
  const answered = new Set<string>();
  const answer = (id: string) => {
    const given = answers.get(id);
    if (given !== undefined) answered.add(id);
    return given;
  };
  const value = (id: string) => {
    const sql = answers.get(id);
    return sql === undefined || 'problem' in readExpression(sql) ? undefined : answer(id);
  };
  const given = releases.evolution?.changes ?? [];
  let changes: readonly Proposed[] = [];
  let held: readonly Change[] = [];
  let questions: readonly Question[] = [];
  let last: readonly Proposed[] = [];
  const look = (): Sight => {
    const all = [...given, ...changes.map((one) => one.change), ...held];
    const to = releases.to.catalog;
    const from = typesApart(releases.from.catalog, to);
    const { version } = releases.to;
    const own = {
      from: releases.from.version,
      to: version,
      file: releases.evolution?.file ?? null,
      dirty: releases.evolution?.dirty ?? [],
    };
    const evolution = { ...own, keys: releases.evolution?.keys ?? [], changes: all };
    const layout = layoutOf(from, to, evolution);
    return { from, to, evolution, layout, asked: questions, answer, value };
  };
  for (const stage of STAGES) {
    const found = stage(look());
    changes = [...withoutRenamed(changes, found.changes), ...found.changes];
    held = [...held, ...found.held];
    questions = [...questions, ...found.questions];
    last = [...last, ...(found.last ?? [])];
  }
  const absent = proposeAbsent(look(), changes);
  const remarks = remarksOn(look());
  changes = [...absent.changes, ...last];
  questions = [...questions, ...absent.questions];
  return { changes, questions, remarks, answered: [...answered] };
}

/** A table that is split or merged says under which name it goes on. */
function withoutRenamed(before: readonly Proposed[], found: readonly Proposed[]): Proposed[] {
  const restructured = new Set(found.flatMap(({ change }) => restructuredBy(change)));
  return before.filter(
    ({ change }) => change.kind !== 'rename_table' || !restructured.has(change.table),
  );
}

/** The old tables that a split or a merge speaks of. */
export function restructuredBy(change: Change): string[] {
  if (change.kind === 'split_table') return [change.table];
  return change.kind === 'merge_tables' ? change.from.map((one) => one.table) : [];
}
