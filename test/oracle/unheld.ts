// What a release writes through a session lens, and what of it the release in the field cannot
// hold: found by taking the plain databases there and back.

import type { Bundle } from '@halflap/engine';
import type { Client } from '../evolving/databases.js';
import type { Model } from './model.js';
import { carryBackward, carryForward, linesOf, readNew, readOld } from './rows.js';

export interface Unheld {
  /** Values that do not come back: refused by the statement. */
  readonly isValueLost: boolean;
  /** Rows that come back though nobody wrote them: refused when the transaction commits. */
  readonly isRowImplied: boolean;
}

export interface Plain {
  readonly model: Model;
  readonly plain: Readonly<Record<'old' | 'new', Client>>;
}

export interface Course extends Plain {
  readonly coming: 'old' | 'new';
}

/** Both plain databases are in transactions, and stay as they are. */
export async function unheldOf(course: Course): Promise<Unheld> {
  const { plain } = course;
  const clients = [plain.old, plain.new];
  for (const client of clients) await client.query('savepoint there_and_back');
  const written = await linesIn(course);
  await beginAgain(course);
  const back = await linesIn(course);
  for (const client of clients) await client.query('rollback to savepoint there_and_back');
  const isIn = (lines: readonly string[]) => (line: string) => lines.includes(line);
  return {
    isValueLost: !written.every(isIn(back)),
    isRowImplied: !back.every(isIn(written)),
  };
}

async function linesIn({ plain, coming, model }: Course): Promise<string[]> {
  const state = coming === 'old' ? readOld(plain.old, model) : readNew(plain.new, model);
  return linesOf(await state);
}

/** The coming release begins again from what the one in the field holds, as after an abort. */
export async function beginAgain({ plain, model }: Plain): Promise<void> {
  const children = model.hasChildren ? ['children'] : [];
  const none = new Map();
  if (model.isReversed) {
    await plain.old.query(`truncate ${[model.oldTable, ...children].join(', ')} cascade`);
    const before = { parts: model.parts.map(() => none), children: none };
    const after = await readNew(plain.new, model);
    await carryBackward(plain.old, model, { before, after, moved: null });
    return;
  }
  const tables = [...model.parts.map((part) => part.table), ...children];
  await plain.new.query(`truncate ${tables.join(', ')} cascade`);
  const after = await readOld(plain.old, model);
  await carryForward(plain.new, model, {
    before: { items: none, children: none },
    after,
    moved: null,
  });
}

/**
 * Where a session lens records which parts lack a row, and no trigger writes the base, keys of the
 * base stay as they are.
 */
export function isKeyFixed(model: Model, { sessionLens: { statements } }: Bundle): boolean {
  const base = `"pg_temp"."${model.parts[0]?.table}"`;
  return (
    statements.some(
      (one) => one.startsWith(`create view ${base} `) && /case when true/.test(one),
    ) && !statements.some((one) => one.includes(`instead of update on ${base}`))
  );
}
