// Random pairs of releases whose rows do not match one to one: rows become elements, are shared
// out, or a value moves to the rows that refer. A shape says, for each table of either release,
// which rows of the other release make its rows; the player needs to know nothing else of the kind.
//
// Queries name tables by the schema of their release: old.posts, new.posts.

export interface ShapedTable {
  readonly name: string;
  readonly key: readonly Field[];
  readonly columns: readonly Field[];
  /** What the other release's rows say about this table's rows. A row that none gives is gone. */
  readonly from: readonly Source[];
  /** Rows may depend on each other, so a statement on several may be refused row by row. */
  readonly isStepwise?: boolean;
  readonly isMovable?: boolean;
  /** Keys of this table and of its siblings differ, as the writer of the field must see to. */
  readonly isKeyApart?: boolean;
}

export interface Field {
  readonly name: string;
  /** SQL literals to pick from. */
  readonly values: readonly string[];
}

export interface Source {
  readonly columns: readonly string[];
  readonly query: string;
}

export interface Side {
  readonly schema: string;
  /** Those that others refer to first. */
  readonly tables: readonly ShapedTable[];
}

export interface Shape {
  readonly old: Side;
  readonly new: Side;
  readonly changes: string;
}

export const KEYS = ['1', '2', '3', '4', '5', '6'];
export const WORDS = [`'a'`, `'b'`, `'c'`, `'ü"'`];
export const TITLE: Field = { name: 'title', values: ['null', `'t'`, `'u'`] };

/** The one that holds wider rows is the release in the field, or, turned round, the one to come. */
export function shape(
  { LIST, ROWS }: { readonly LIST: Side; readonly ROWS: Side },
  isTurned: boolean,
  change: string,
): Shape {
  const names = isTurned ? { LIST: 'new', ROWS: 'old' } : { LIST: 'old', ROWS: 'new' };
  const named = (side: Side): Side => ({
    ...side,
    tables: side.tables.map((table) => ({
      ...table,
      from: table.from.map((one) => ({
        ...one,
        query: one.query.replace(
          /\b(LIST|ROWS)\./g,
          (_, role: 'LIST' | 'ROWS') => `${names[role]}.`,
        ),
      })),
    })),
  });
  const [list, rows] = [named(LIST), named(ROWS)];
  return {
    old: isTurned ? rows : list,
    new: isTurned ? list : rows,
    changes: `changes:\n  - ${change}\n`,
  };
}
