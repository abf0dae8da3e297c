// What the matrix of servers × shards shows: how each server works with each shard now. Data alone:
// it is given, and asks nobody.

/**
 *   native       the server works on tables of its own release
 *   lens         through views that show it the layout of another release
 *   waiting      it will, once what it waits for is there
 *   refused      it must not: its release and the shard's do not go together
 *   unreachable  nobody knows: the server or the shard does not answer
 */
export const CELL_STATES = ['native', 'lens', 'waiting', 'refused', 'unreachable'] as const;
export type CellState = (typeof CELL_STATES)[number];

/** Something that cannot go on, and what would let it. */
export interface Blocked {
  readonly why: string;
  readonly unblock: string;
}

/** A server, head of a row, or a shard, head of a column. */
export interface MatrixHead {
  readonly id: string;
  readonly name: string;
  /** Null: not known. */
  readonly release: string | null;
  /** Of a shard its phase; of a server what is done with it: `serving`, `draining`. */
  readonly phase: string | null;
  readonly blocked?: Blocked;
  /** Of its own page. */
  readonly path?: string;
}

export interface MatrixCell {
  readonly state: CellState;
  /** What else is to be known: `since 3 minutes`. */
  readonly note?: string;
  readonly blocked?: Blocked;
}

export interface MatrixData {
  readonly servers: readonly MatrixHead[];
  readonly shards: readonly MatrixHead[];
  /** By ids; undefined: nobody has told yet. */
  cellOf(server: string, shard: string): MatrixCell | undefined;
}

/** A cell by its numbers; -1 is the head. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

export const UNTOLD: MatrixCell = { state: 'unreachable', note: 'nobody has told yet' };

/** How many cells are in each state. */
export function countsOf({ servers, shards, cellOf }: MatrixData): Record<CellState, number> {
  const counts = { native: 0, lens: 0, waiting: 0, refused: 0, unreachable: 0 };
  for (const server of servers) {
    for (const shard of shards) counts[(cellOf(server.id, shard.id) ?? UNTOLD).state] += 1;
  }
  return counts;
}

/** Where a key leads from a place; the same place for a key that leads nowhere. */
export function placeAfter(
  key: string,
  { row, column }: Place,
  { servers, shards }: MatrixData,
): Place {
  const [lastRow, lastColumn] = [servers.length - 1, shards.length - 1];
  const [down, right] = MOVES[key] ?? [0, 0];
  const next = {
    row: Math.min(lastRow, Math.max(-1, row + down)),
    column: Math.min(lastColumn, Math.max(-1, column + right)),
  };
  // Between the two heads there is nothing.
  return next.row === -1 && next.column === -1 ? { row, column } : next;
}

const ALL = 1_000_000;
const PAGE = 10;

const MOVES: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  PageDown: [PAGE, 0],
  PageUp: [-PAGE, 0],
  Home: [0, -ALL],
  End: [0, ALL],
};
