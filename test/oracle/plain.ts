// What a case consists of, for the player: two releases, and plain databases that say what each of
// them should see and be answered. There are two ways to know it, by rows (split-plain.ts) and by
// queries (shape-plain.ts); cases of several kinds in one evolution are put together from those
// (together.ts).

import type { Bundle } from '@halflap/engine';
import type { Verb } from '@halflap/protocol';
import type { Client } from '../evolving/databases.js';
import type { Copy } from './copying.js';
import type { Outcome } from './outcome.js';
import type { Random } from './random.js';

/** `old` is the one in the field. */
export type Release = 'old' | 'new';

export const OTHER: Readonly<Record<Release, Release>> = { old: 'new', new: 'old' };

export interface Statement {
  readonly table: string;
  readonly text: string;
  /** The same where the key that the database has drawn is known; null when it draws none. */
  readonly withKey: ((key: readonly string[]) => string) | null;
  /** Its rows in their order, each as a statement; null where PostgreSQL may take any order. */
  readonly rows: readonly string[] | null;
  /** How the shard is told the same, in place of the text. */
  readonly copy: Copy | null;
  /** The key that a row loses, and the one that it gets, as SQL literals. */
  readonly move: Move | null;
}

export interface Move {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** How a release meets the shard at this moment. */
export interface Place {
  readonly release: Release;
  /** Whether it works through a lens of its session. */
  readonly isBehindOwn: boolean;
  /** Whether what it writes are the new tables, and no lens. */
  readonly isNative: boolean;
  /** Nobody needs to hold anything for the release that is gone. */
  readonly isAlone: boolean;
  /** Whether contract has not come to its end yet. */
  readonly isContracting: boolean;
}

export interface Asked extends Place {
  readonly statement: Statement;
  /** What the shard has answered. */
  readonly found: Outcome;
  /** Whether more statements come before the commit. */
  readonly isOpen: boolean;
}

/** The releases of a case. */
export interface Pair {
  /** Kinds of change. */
  readonly name: string;
  readonly schemas: Readonly<Record<Release, string>>;
  /** Entries of the evolution file under `changes` and, as they stand, above it. */
  readonly changes: string;
  readonly head: string;
  /** Whether the release to come needs a prepared shard. */
  readonly needsPrepared: boolean;
  readonly open: (bundle: Bundle) => Promise<Plain>;
  /** The same without one thing or another that these statements do not name. */
  readonly smaller: (statements: readonly string[]) => Pair[];
}

/** The evolution file below `from`; null for none. */
export function evolutionOf({ head, changes }: Pair): string | null {
  const text = `${head}${changes === '' ? '' : `changes:\n${changes}`}`;
  return text === '' ? null : text;
}

export interface Plain {
  /** Tables by which statements are known to belong here. */
  readonly tables: ReadonlySet<string>;
  /** To every database: begin, commit, … */
  say(text: string): Promise<void>;
  draw(random: Random, place: Place): Promise<Statement>;
  /**
   * Any of the answers is right. The databases are in a transaction; they have carried the
   * statement out unless it was refused.
   */
  answersTo(asked: Asked): Promise<Outcome[]>;
  /** Whether what the transaction leaves behind cannot be held. */
  isRefusedAtCommit(place: Place): Promise<boolean>;
  /**
   * Statements of the release in the field that put all rows right which stand in the way of a
   * verb, or of the new release.
   */
  cures(way: Verb | 'reading'): Promise<Statement[]>;
  /** What a release sees on the shard, and what it should see. */
  read(client: Client, release: Release): Promise<string[]>;
  lines(release: Release): Promise<string[]>;
  /**
   * The release to come begins again from what the one in the field holds.
   *
   * @param broken the new release's session where its shard has been prepared in several goes: it
   * may have met values in the first that were gone by the last.
   */
  beginAgain(broken: Client | null): Promise<void>;
  close(): Promise<void>;
}
