// Random pairs of releases whose rows do not match one to one: rows become elements, are shared
// out, get other keys, or a value moves to the rows that refer or to a table of its own. A shape
// says, for each table of either release, which rows of the other release make its rows; the player
// needs to know nothing else of the kind.
//
// Queries name tables by the schema of their release: old.posts, new.posts. While a shape is drawn,
// LIST. and ROWS. stand for them, since many a kind is the inverse of another.

export interface ShapedTable {
  readonly name: string;
  readonly key: readonly Field[];
  readonly columns: readonly Field[];
  /** What the other release's rows say about this table's rows. A row that none gives is gone. */
  readonly from: readonly Source[];
  readonly isMovable?: boolean;
  /** A rule that only the other release has keeps rows out, which DO NOTHING then leaves out. */
  readonly isBarredByOther?: boolean;
  /** Columns by which others know the rows: through a lens they stay as they are, HL003. */
  readonly fixed?: readonly string[];
  /** Columns that stay as they are until contract, HL001 in dual. */
  readonly still?: readonly string[];
  /** A row that no row of the other release gives stays all the same. */
  readonly isKept?: boolean;
  /** Not to be truncated while two releases are in service, HL003. */
  readonly isTruncateRefused?: boolean;
  /** Now and then a row comes in one statement with the row that it refers to. */
  readonly parent?: { readonly table: string; readonly column: string } & Pick<Field, 'values'>;
  /** The one key column is drawn by the table's default; a row is known again by others. */
  readonly drawn?: Drawn;
  /** Whether it is one table for both releases, which the new one sees as a view. */
  readonly isShared?: boolean;
  /** Keys of this table and of its siblings differ, as the writer of the field must see to. */
  readonly isKeyApart?: boolean;
}

export interface Field {
  readonly name: string;
  /** SQL literals to pick from. */
  readonly values: readonly string[];
  /** A table of the same release, whose keys are taken mostly. */
  readonly refersTo?: string;
  /** Only the new release has the column: what it is in rows that nobody has written it in. */
  readonly beside?: string;
  /** From dual on, in place of `values`. */
  readonly valuesInDual?: readonly string[];
}

export interface Drawn {
  readonly type: DrawnType;
  /** Columns that tell which row it is, in the eyes of its release. */
  readonly tells: readonly string[];
}

export type DrawnType = 'int' | 'uuid';

/** Which key of the one release stands behind which key of the other. */
export interface ShapedMap {
  readonly name: string;
  readonly old: MapSide;
  readonly new: MapSide;
  /** Column of the new table that holds the old key; null where the old key is drawn. */
  readonly told: string | null;
}

/** Rows of the release in the field that break a rule of the new one, which may not see them. */
export interface Held {
  readonly table: string;
  readonly when: string;
  /** An assignment that puts such a row right. */
  readonly cure: string;
  /** Whether they keep the shard from being prepared and expanded. */
  readonly isRefused: boolean;
  /** Whether a lens that meets such a row cannot be read. */
  readonly isUnreadable: boolean;
  /**
   * Of a rule between rows: when one breaks it with what `was` is, a row that waits as the new
   * release may see it still. Rows that broke the rule may wait until they are written again.
   */
  readonly between?: string;
}

/**
 * What followed from the rows of the old release, `id` among it, after the last statement. Queries
 * read it as maps.NAME; it is empty where nothing is kept beside the old release's tables.
 */
export interface Memory {
  readonly name: string;
  readonly query: string;
  /** Of the new release: what it has not written itself follows; of what is kept, by no lens. */
  readonly following: readonly { readonly query: string; readonly isKept: boolean }[];
}

export interface Twin {
  readonly old: string;
  readonly new: string;
  /** Whether its row may be that of another table, and is not needed where that one is. */
  readonly isOneOf?: boolean;
}

export interface MapSide {
  readonly table: string;
  readonly column: string;
  readonly type: DrawnType;
}

export interface Source {
  readonly columns: readonly string[];
  readonly query: string;
  /** It says more of rows that another source makes. */
  readonly isMore?: boolean;
}

export interface Side {
  readonly schema: string;
  /** Those that others refer to first. */
  readonly tables: readonly ShapedTable[];
}

export interface Shape {
  readonly old: Side;
  readonly new: Side;
  /** Entries of the evolution file under `changes`, and what stands above it. */
  readonly changes: string;
  readonly head?: string;
  /** Queries read them as maps.NAME, with the columns old_id and new_id. */
  readonly maps?: readonly ShapedMap[];
  /** Tables of which a row is the same in both releases, under one key of the same names. */
  readonly twins?: readonly Twin[];
  readonly memory?: Memory;
  /** Said to the model alone, when its tables are there. */
  readonly setup?: string;
  readonly held?: readonly Held[];
  /** The same without what stands beside. */
  readonly bare?: Shape;
  /** Whether the release to come needs a prepared shard. */
  readonly needsPrepared?: boolean;
}

/**
 * A key that the shard has drawn and the model does not know yet: no shard draws such a one, and
 * the model puts the right one in its place as soon as the row is seen.
 */
export function guessOf(type: DrawnType): string {
  const number = `nextval('maps.guesses')`;
  if (type === 'int') return `(-${number})::int`;
  return `('ffffffff-0000-4000-8000-' || lpad((${number})::text, 12, '0'))::uuid`;
}

export function isGuess(type: DrawnType, column: string): string {
  return type === 'int' ? `${column} < 0` : `${column}::text like 'ffffffff-%'`;
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
    changes: `  - ${change}\n`,
  };
}
