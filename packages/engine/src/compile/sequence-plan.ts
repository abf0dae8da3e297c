// Which sequence of the old release becomes which of the new one, and where each is when contract
// comes to it.
//
// A column that draws from a sequence in both releases goes on with the values of the old one,
// whatever either is called; a sequence that no such column draws from is the same where the names
// are. One old sequence becomes one new one: where a release makes several of one, or one of
// several, the others are made anew at contract, past what has been drawn.

import { HOME_SCHEMA } from '@halflap/protocol';
import type { Catalog, Column, Sequence } from '../release/catalog.js';
import { name, type Sql, sql } from '../sql.js';
import type { Evolving } from './compile.js';
import { floorSchema } from './places.js';
import { drawsFromSequence, sequenceName, sharedSequenceSource } from './sequences.js';

/** A column that draws from a sequence in both releases. */
export interface Draw {
  readonly column: Column;
  readonly old: Column;
}

export interface Continued {
  readonly sequence: Sequence;
  /** The old sequence that becomes it; null where it is made anew. */
  readonly former: Sequence | null;
  readonly draws: readonly Draw[];
}

export interface SequencePlan {
  readonly all: readonly Continued[];
  /** Sequences that only the old release has. */
  readonly gone: readonly Sequence[];
}

export type SequenceInput = Pick<Evolving, 'from' | 'to' | 'clusters' | 'shared' | 'places'>;

export function sequencePlan(input: SequenceInput): SequencePlan {
  const { from, to } = input;
  const draws = allDraws(input);
  const owners = sameOwners(input);
  const drawsOf = (sequence: Sequence) =>
    draws.filter(({ column }) => sequenceName(column) === sequence.name);
  const former = new Map<Sequence, Sequence>();
  for (const sequence of to.sequences) {
    const old = from.sequences.find((one) => one.name === sequence.name);
    if (old !== undefined && isSame(old, sequence, drawsOf(sequence), owners)) {
      former.set(sequence, old);
    }
  }
  for (const sequence of to.sequences) {
    const [source, ...others] = new Set(drawsOf(sequence).map(({ old }) => sequenceName(old)));
    const old = from.sequences.find((one) => one.name === source);
    if (old === undefined || others.length > 0 || former.has(sequence)) continue;
    if (![...former.values()].includes(old)) former.set(sequence, old);
  }
  const taken = new Set(former.values());
  return {
    all: to.sequences.map((sequence) => ({
      sequence,
      former: former.get(sequence) ?? null,
      draws: drawsOf(sequence),
    })),
    gone: from.sequences.filter((one) => !taken.has(one)),
  };
}

/** Of the same name: whether it is the same thing. */
function isSame(
  old: Sequence,
  sequence: Sequence,
  draws: readonly Draw[],
  owners: ReadonlySet<string>,
): boolean {
  if (old.ownedBy === null && sequence.ownedBy === null) return true;
  if (draws.length > 0) return draws.some((one) => sequenceName(one.old) === old.name);
  return old.ownedBy === null || sequence.ownedBy === null || owners.has(between(old, sequence));
}

function between(old: Sequence, sequence: Sequence): string {
  return JSON.stringify([old.ownedBy, sequence.ownedBy]);
}

function allDraws({ clusters, shared }: SequenceInput): Draw[] {
  return [
    ...clusters.flatMap(({ cluster }) =>
      cluster.parts.flatMap((part) =>
        part.table.columns.flatMap((column) => {
          const source = sharedSequenceSource(cluster, part, column);
          const { columns } = cluster.sliced === null ? cluster.old : part.pair.old;
          const old = columns.find((one) => one.name === source?.column);
          return old === undefined ? [] : [{ column, old }];
        }),
      ),
    ),
    ...shared.flatMap(({ pair }) =>
      pair.forward.flatMap(({ column, source }) => {
        const old = pair.old.columns.find((one) => one.name === source);
        const isDraw = old !== undefined && drawsFromSequence(old) && drawsFromSequence(column);
        return isDraw ? [{ column, old }] : [];
      }),
    ),
  ];
}

/** Columns of both releases as owners of a sequence: `table.column` in each. */
function sameOwners({ clusters, shared }: SequenceInput): Set<string> {
  const pairs = [
    ...clusters.flatMap(({ cluster }) => cluster.parts.map(({ pair }) => pair)),
    ...shared.map(({ pair }) => pair),
  ];
  return new Set(
    pairs.flatMap((pair) =>
      pair.forward.flatMap(({ column, source }) =>
        source === null
          ? []
          : [JSON.stringify([`${pair.old.name}.${source}`, `${pair.new.name}.${column.name}`])],
      ),
    ),
  );
}

/** Sequences that the new release has alone: they are made when a shard is prepared. */
export function newSequences({ all }: SequencePlan): Sequence[] {
  return all
    .filter(({ former, draws }) => former === null && draws.length === 0)
    .map(({ sequence }) => sequence);
}

/** Whether both releases have the same owner for it, or none. */
export function keepsOwner(input: SequenceInput, former: Sequence, sequence: Sequence): boolean {
  if (former.ownedBy === null || sequence.ownedBy === null) {
    return former.ownedBy === sequence.ownedBy;
  }
  return sameOwners(input).has(between(former, sequence));
}

/** The schema of an old sequence while contract fences, which moves the tables that go first. */
export function schemaAtFence(
  { from, shared, places }: SequenceInput,
  old: Sequence,
  when: 'at first' | 'before shared tables' | 'at last',
): Sql {
  const owner = ownerOf(from, old);
  if (owner === null) return name(HOME_SCHEMA);
  const one = shared.find(({ pair }) => pair.old.name === owner);
  if (when === 'at first') return floorSchema(owner);
  if (one === undefined) return name(places.workSchema);
  return one.kind === 'overlay' && when === 'at last'
    ? name(places.releaseSchema)
    : floorSchema(owner);
}

/** The schema of a sequence of the new release, after contract: its table's, where it has one. */
export function finalSchema(input: SequenceInput, { sequence, former }: Continued): Sql {
  const { to, shared, places } = input;
  const owner = ownerOf(to, sequence);
  const one = shared.find(({ pair }) => pair.new.name === owner);
  if (one !== undefined && one.kind !== 'overlay') return floorSchema(one.pair.old.name);
  const stays =
    owner === null && former !== null && former.ownedBy === null && former.name === sequence.name;
  return name(stays ? HOME_SCHEMA : places.releaseSchema);
}

/** The table of the column that owns a sequence. */
export function ownerOf(catalog: Catalog, { ownedBy }: Sequence): string | null {
  const owner = catalog.tables.find((table) =>
    table.columns.some((column) => `${table.name}.${column.name}` === ownedBy),
  );
  return owner?.name ?? null;
}

/** The name of a sequence of the new release after contract. */
export function finalName(input: SequenceInput, one: Continued): Sql {
  return sql`${finalSchema(input, one)}.${name(one.sequence.name)}`;
}
