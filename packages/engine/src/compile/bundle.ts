// The bundle: everything that a shard needs to go from one release to the next, as pure data. It is
// made by the vendor, ships inside a package as one JSON file, and is read by the runner alone.
//
// Invariant: a runner needs nothing but a bundle and a connection. SQL in a bundle is complete but
// for these holes, which the runner fills (shard/holes.ts):
//   {{floor:NAME}}   the qualified name of a table of the floor release, wherever it lives
//   {{schema:NAME}}  the schema of that table
//   {{hash}}         the bundle's hash
//   {{range:ALIAS}}  a condition on the key columns of ALIAS for the batch at hand

import { BUNDLE_FORMAT, type Phase, type SessionLens } from '@halflap/protocol';
import type { Catalog } from '../release/catalog.js';

export { BUNDLE_FORMAT };

export interface Bundle {
  readonly format: typeof BUNDLE_FORMAT;
  readonly app: string;
  readonly from: ReleaseSummary;
  readonly to: ReleaseSummary;
  /** Hex SHA-256 of everything else in the bundle; written into every object that it makes. */
  readonly hash: string;
  /** Schema of the new release; what its sessions name first in search_path. */
  readonly releaseSchema: string;
  /** Schema of this evolution's machinery; gone when the shard is settled. */
  readonly workSchema: string;
  readonly relations: readonly RelationPlan[];
  readonly steps: {
    readonly prepare: readonly Step[];
    readonly expand: readonly Step[];
    readonly verify: readonly VerifyStep[];
    readonly contract: readonly Step[];
    readonly abort: readonly Step[];
  };
  readonly evidence: Evidence;
  /** The same lens as `prepare` makes, for one session on a shard that nobody prepared. */
  readonly sessionLens: SessionLens;
  /**
   * What each statement of each step was seen to do (gate/effects.ts), by the step's id, in the
   * order of textsOf(). Not part of the hash, since nothing runs by it; absent where nobody looked.
   */
  readonly effects?: Readonly<Record<string, readonly Effects[]>>;
}

export interface ReleaseSummary {
  readonly version: string;
  readonly fingerprint: string;
  readonly catalog: Catalog;
}

export type Label = 'exact' | 'carried' | 'lossy' | 'refused';

/** How one relation crosses, for people: `plan`, `check` and the console print it. */
export interface RelationPlan {
  /** Names in the old and the new release; one of them is null for an added or dropped table. */
  readonly old: string | null;
  readonly new: string | null;
  readonly kind: 'same' | 'native' | 'overlay' | 'rebuilt' | 'added' | 'dropped';
  readonly label: Label;
  /** One line per change, and per consequence that the author should know. */
  readonly notes: readonly string[];
  /**
   * True while a lens over this relation cannot take ON CONFLICT (PostgreSQL's limit for INSTEAD
   * OF).
   */
  readonly isLensWithoutOnConflict: boolean;
}

export type LockMode = (typeof LOCK_MODES)[number];

/** Weakest first (manual, 13.3.1). */
export const LOCK_MODES = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;

/** What a statement does to relations that were there before its transaction began. */
export interface Effects {
  /** Locks that no earlier statement of its transaction holds; each lasts until the commit. */
  readonly locks: readonly HeldLock[];
  /** Tables whose rows are written to a new file. */
  readonly rewrites: readonly string[];
  /** Tables that are read from end to end. */
  readonly reads: readonly string[];
}

export interface HeldLock {
  readonly mode: LockMode;
  /**
   * A table, view or sequence; an index stands for its table. Those of the old release by their
   * plain names, all others with their schemas.
   */
  readonly relation: string;
  /** False for what nobody who is served can find: a tombstone, or what has been put aside. */
  readonly isUsed: boolean;
  /** Taken only on a shard where an earlier evolution has left tables outside of their home. */
  readonly isOnlyMoved: boolean;
}

export interface Statement {
  readonly sql: string;
  /**
   * For the runner: the lock on a relation in use that it may have to wait for, which is given what
   * is left of the lock timeout; null for none. What it takes in all is among the effects.
   */
  readonly lock: {
    readonly mode: LockMode;
    readonly relation: string;
    /** The table goes to another schema, and its own sequences go with it. */
    readonly isMoved?: true;
  } | null;
}

export type Step = TransactionStep | IndexStep | BarrierStep | BackfillStep | VerifyStep;

interface StepBase {
  /** Unique within the bundle: `expand/sync`. */
  readonly id: string;
  /** What it does, in words for the operator. */
  readonly title: string;
}

/** SQLSTATE by which a step that looks tells what it has found: one row a line in the detail. */
export const DIRTY_STATE = 'HL004';

/**
 * SQLSTATE by which a step refuses to take along what is neither Halflap's nor a release's: one
 * object a line in the detail, what to do in the hint.
 */
export const STRANGERS_STATE = 'HL005';

/**
 * The step that carries rows which the new release ships; its row in the journal has those that
 * stood against others under `leftOut`.
 */
export const SHIPPED_STEP = 'prepare/data';

/** The step that looks before a shard is prepared; another bundle may begin after it. */
export const FIRST_LOOK = 'prepare/dirty';

/** All statements in one transaction, retried as a whole when a lock is not granted in time. */
export interface TransactionStep extends StepBase {
  readonly kind: 'transaction';
  readonly statements: readonly Statement[];
  /** The shard is in this phase from the commit of this step on; null when it stays as it was. */
  readonly entersPhase: Phase | null;
  /** Set where it changes nothing: it looks, and fails where it finds something. */
  readonly isLook?: true;
  /** Set on the steps that settle a shard: the release that is then both floor and ceiling. */
  readonly settles: 'from' | 'to' | null;
}

/**
 * CREATE INDEX CONCURRENTLY, outside a transaction; an invalid leftover is dropped and built again.
 */
export interface IndexStep extends StepBase {
  readonly kind: 'index';
  /** Schema of the index; may be a {{schema:…}} hole. */
  readonly schema: string;
  readonly index: string;
  readonly statement: Statement;
}

/** Waits until every transaction that was open when the step began has ended. */
export interface BarrierStep extends StepBase {
  readonly kind: 'barrier';
}

export interface KeyColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * Fills the new layout of one source table, key range by key range, each in its own transaction.
 */
export interface BackfillStep extends StepBase {
  readonly kind: 'backfill';
  /** Name under which progress is kept and shown. */
  readonly relation: string;
  /** Qualified name of the table that is walked; may hold a {{floor:…}} hole. */
  readonly source: string;
  /** Columns of the source by which it is walked, in index order, not null. */
  readonly key: readonly KeyColumn[];
  /** Statements of one batch, in order, with a {{range:source}} hole each. */
  readonly batch: readonly string[];
  /** The same range row by row, for a batch that holds a row which cannot be carried. */
  readonly oneByOne: readonly string[];
}

/** Compares the two layouts of one relation, key range by key range. */
export interface VerifyStep extends StepBase {
  readonly kind: 'verify';
  readonly relation: string;
  /** What the new layout should hold: a SELECT whose first columns are the key. */
  readonly expected: string;
  /** What it holds: the same columns in the same order. */
  readonly actual: string;
  readonly key: readonly KeyColumn[];
  /**
   * Conditions that must hold for every row but cannot be enforced yet: SELECTs of offending keys.
   */
  readonly offenders: readonly { readonly rule: string; readonly sql: string }[];
  /** How rows in quarantine are tried again; null where another step does it, or nothing can. */
  readonly retry: Retry | null;
}

/** Carries one row of a relation over that could not be carried before. */
export interface Retry {
  /** The name under which the rows stand in quarantine. */
  readonly relation: string;
  /** $1 is the id of a row of quarantine. */
  readonly sql: string;
}

/** Where the runner looks for use of the old layout before it contracts. */
export interface Evidence {
  /** Old tables (unqualified names of the floor release) that contract takes away. */
  readonly oldTables: readonly string[];
  /**
   * Qualified sequence that every direct write of the old layout advances; null when there is none.
   */
  readonly oldWrites: string | null;
}
