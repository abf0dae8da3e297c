// Statements with INSERT … ON CONFLICT, as they are sent while a shard shows this release through a
// lens. PostgreSQL refuses the clause on a view with INSTEAD OF triggers; the view beside it takes
// the same in two halves (upsert-halves.ts). One statement stays one statement, so its parameters,
// its rows, its RETURNING, its count and its command are PostgreSQL's own; nothing is run twice.

import type { InsertStmt, Node, WithClause } from 'libpg-query';
import type { Grammar } from './grammar.js';
import type { LensRelations, UpsertView } from './lens-relations.js';
import { indexElement, walk } from './syntax-tree.js';
import { halvesOf, keyOf, refused, type Upsert } from './upsert-halves.js';

/** Whether a text may hold such a statement; cheap, and true now and then for one that does not. */
export function mayUpsert(text: string, { views }: Pick<LensRelations, 'views'>): boolean {
  if (!/\bconflict\b/i.test(text)) return false;
  return views.size > 0 || /\bconstraint\b/i.test(text);
}

/**
 * The text as it works through the lens; itself where it needs no change, or does not parse.
 * @throws CLIENT_UPSERT_REFUSED where no other statement does exactly what this one says.
 */
export function throughLens(text: string, relations: LensRelations, grammar: Grammar): string {
  const statements = grammar.read(text);
  if (statements === null) return text;
  const rewriting = new Rewriting(relations, grammar);
  const rewritten = statements.map((statement) => rewriting.statement(statement));
  const tables = rewriting.found.map((one) => one.table);
  if (tables.length === 0) return text;
  const printed = rewritten.map((statement) => grammar.print(statement));
  if (printed.every((one) => one !== null)) return printed.join(';\n');
  throw refused(
    tables.join(', '),
    'the statement cannot be printed back faithfully',
    'write its unusual parts in another way, or an UPDATE and then an INSERT',
  );
}

/** One INSERT … ON CONFLICT of a text that is sent in another form. */
export interface FoundUpsert {
  readonly table: string;
  /** Null where the relation takes the clause, once the key is named by its columns. */
  readonly view: UpsertView | null;
  /** What it calls the key, as the view's trigger reads it. */
  readonly key: string;
}

/** Those of a text that `throughLens` rewrites. @throws CLIENT_UPSERT_REFUSED */
export function upsertsIn(text: string, relations: LensRelations, grammar: Grammar): FoundUpsert[] {
  const rewriting = new Rewriting(relations, grammar);
  for (const statement of grammar.read(text) ?? []) rewriting.statement(statement);
  return rewriting.found;
}

/** The statement that another one explains or prepares. */
const WRAPPERS = ['ExplainStmt', 'PrepareStmt', 'CopyStmt'] as const;

class Rewriting {
  readonly #relations: LensRelations;
  readonly #grammar: Grammar;
  readonly found: FoundUpsert[] = [];

  constructor(relations: LensRelations, grammar: Grammar) {
    this.#relations = relations;
    this.#grammar = grammar;
  }

  statement(node: Node): Node {
    const [kind, content] = Object.entries(node)[0] as [string, Record<string, unknown>];
    if (WRAPPERS.some((one) => one === kind) && content.query !== undefined) {
      return { [kind]: { ...content, query: this.statement(content.query as Node) } } as Node;
    }
    const result = this.#whole(kind, content);
    walk(result, (one) => {
      if ('InsertStmt' in one) this.#nameColumns(one.InsertStmt as InsertStmt);
    });
    walk(result, (one) => {
      if (!('InsertStmt' in one)) return;
      const upsert = this.#upsertOf(one.InsertStmt as InsertStmt);
      if (upsert === null) return;
      throw refused(
        upsert.table,
        'it stands inside another statement',
        'put it at the top, or into a WITH of the outermost statement',
      );
    });
    return result;
  }

  /** First the upserts in its WITH, each after what it needs; then its own. */
  #whole(kind: string, content: Record<string, unknown>): Node {
    const own = content.withClause as WithClause | undefined;
    const ctes = (own?.ctes ?? []).flatMap((cte) => this.#cte(cte));
    const upsert = kind === 'InsertStmt' ? this.#upsertOf(content as InsertStmt) : null;
    const halves = upsert === null ? null : this.#halves(upsert);
    if (halves?.proposed) ctes.push(halves.proposed);
    const withClause = ctes.length === 0 ? {} : { withClause: { ...own, ctes } };
    return { [kind]: { ...(halves?.insert ?? content), ...withClause } } as Node;
  }

  #cte(cte: Node): Node[] {
    const query = 'CommonTableExpr' in cte ? cte.CommonTableExpr.ctequery : undefined;
    if (query === undefined || !('InsertStmt' in query)) return [cte];
    const upsert = this.#upsertOf(query.InsertStmt);
    if (upsert === null) return [cte];
    const halves = this.#halves(upsert);
    if (halves.proposed !== null && query.InsertStmt.withClause !== undefined) {
      throw refused(
        upsert.table,
        'it stands in a WITH and has one of its own',
        'put all of them into the WITH of the outermost statement',
      );
    }
    const { CommonTableExpr: whole } = cte as Extract<Node, { CommonTableExpr: unknown }>;
    const second: Node = {
      CommonTableExpr: { ...whole, ctequery: { InsertStmt: halves.insert } },
    };
    return halves.proposed === null ? [second] : [halves.proposed, second];
  }

  #halves(upsert: Upsert) {
    const { table, view } = upsert;
    this.found.push({ table, view, key: keyOf(upsert) });
    return halvesOf(upsert, `halflap_upsert_${this.found.length}`, this.#grammar);
  }

  /** Of a relation that takes the clause, but does not have its constraint by that name. */
  #nameColumns(insert: InsertStmt): void {
    const table = insert.relation?.relname ?? '';
    const name = insert.onConflictClause?.infer?.conname;
    const columns = this.#columnsOf(insert);
    if (columns === undefined || insert.onConflictClause === undefined) return;
    if (columns !== null) {
      insert.onConflictClause.infer = { indexElems: columns.map(indexElement) };
      this.found.push({ table, view: null, key: `constraint ${name}` });
    } else if (!this.#relations.views.has(table)) {
      throw refused(
        table,
        `the shard has the constraint ${name} under another name until it is contracted`,
        'name the columns of a unique constraint, or insert where not exists',
      );
    }
  }

  /** Of the constraint that it names; undefined where that is there under its name. */
  #columnsOf(insert: InsertStmt): readonly string[] | null | undefined {
    const name = insert.onConflictClause?.infer?.conname;
    if (name === undefined || !this.#isOfRelease(insert)) return undefined;
    return this.#relations.constraints.get(insert.relation?.relname ?? '')?.get(name);
  }

  #isOfRelease({ relation }: InsertStmt): boolean {
    const { releaseSchema } = this.#relations;
    return (relation?.schemaname ?? releaseSchema) === releaseSchema;
  }

  /** Null for any other INSERT, also one with the clause on a relation that takes it. */
  #upsertOf(insert: InsertStmt): Upsert | null {
    const { relation, onConflictClause: clause } = insert;
    const { releaseSchema, views, constraints } = this.#relations;
    const table = relation?.relname ?? '';
    const view = this.#isOfRelease(insert) ? views.get(table) : undefined;
    if (clause === undefined || view === undefined) return null;
    const isTaken = constraints.has(table) && this.#columnsOf(insert) !== null;
    return isTaken ? null : { insert, clause, view, table, releaseSchema };
  }
}
