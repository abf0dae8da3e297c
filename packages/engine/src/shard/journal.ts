// The journal of a shard: which steps of the evolution under way have begun, and which are
// finished.
//
// Invariant: a row is written before its step acts. A transaction step marks its row finished in
// its own transaction, together with the phase that it enters; so a runner that dies at any point
// leaves a journal from which the next one continues. Rows belong to an attempt: the run of one
// evolution from prepare until the shard settles again.

import type { Verb } from '@halflap/protocol';
import type { Bundle, Step, TransactionStep } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { integer, literal, type Sql, sql } from '../sql.js';
import { evolutionName, type Run } from './run.js';

export interface JournalEntry {
  readonly step: string;
  readonly verb: Verb;
  readonly bundle_hash: string;
  readonly runner: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly started_at: Date;
  readonly finished_at: Date | null;
}

export type Journal = ReadonlyMap<string, JournalEntry>;

/** All rows of an attempt, by step, in the order in which they began. */
export async function readJournal(session: Session, attempt: number): Promise<Journal> {
  const rows = await session.query<JournalEntry>(
    `select step, verb, bundle_hash, runner, detail, started_at, finished_at
     from halflap.journal where attempt = $1 order by id`,
    [attempt],
  );
  return new Map(rows.map((row) => [row.step, row]));
}

export interface Beginning {
  /** True to run a step again that may have finished: its row and its progress start afresh. */
  readonly isRestart: boolean;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Writes the row in a transaction of its own. A row left by a runner that died is taken over. */
export async function beginStep(run: Run, step: Step, beginning: Beginning): Promise<void> {
  await run.session.transaction(async () => {
    const [row] = await run.session.query<{ is_new: boolean }>(
      `insert into halflap.journal as j
         (attempt, verb, evolution, bundle_hash, step, runner, detail)
       values ($1, $2, $3, $4, $5, $6, $7::jsonb)
       on conflict (attempt, step) do update
       set runner = excluded.runner,
           bundle_hash = excluded.bundle_hash,
           verb = case when $8 then excluded.verb else j.verb end,
           detail = case when $8 then '{}' else j.detail - 'error' - 'waitingFor' end
             || excluded.detail,
           started_at = case when $8 then clock_timestamp() else j.started_at end,
           finished_at = case when $8 then null else j.finished_at end
       returning (xmax = 0) as is_new`,
      [
        run.attempt,
        run.verb,
        evolutionName(run.bundle),
        run.bundle.hash,
        step.id,
        run.runner,
        JSON.stringify(beginning.detail),
        beginning.isRestart,
      ],
    );
    // Progress of an earlier attempt, or of an earlier verify, must not pass for this one's.
    if (row?.is_new || beginning.isRestart) {
      await run.session.query('delete from halflap.progress where step = $1', [step.id]);
    }
  });
}

/** The statement that marks a step finished. */
export function finishStep(run: Pick<Run, 'attempt'>, step: Step): Sql {
  return sql`update halflap.journal
set finished_at = clock_timestamp(), detail = detail - 'waitingFor' - 'error'
where attempt = ${integer(run.attempt)} and step = ${literal(step.id)}`;
}

/** Adds to the detail of a row: what the step waits for, what it found, why it failed. */
export async function noteStep(
  run: Run,
  step: Step,
  detail: Readonly<Record<string, unknown>>,
): Promise<void> {
  await run.session.query(
    `update halflap.journal set detail = jsonb_strip_nulls(detail || $3::jsonb)
     where attempt = $1 and step = $2`,
    [run.attempt, step.id, JSON.stringify(detail)],
  );
}

/** The statements that change the shard's row with a step; they belong into its own transaction. */
export function phaseChange(bundle: Bundle, step: TransactionStep): readonly Sql[] {
  if (step.settles !== null) {
    const release = step.settles === 'from' ? bundle.from : bundle.to;
    return [
      sql`update halflap.shard
set phase = 'settled',
    floor = ${literal(release.version)},
    ceiling = ${literal(release.version)},
    fingerprint = ${literal(release.fingerprint)},
    bundle_hash = null,
    attempt = attempt + 1,
    changed_at = clock_timestamp()`,
      sql`delete from halflap.progress`,
    ];
  }
  if (step.entersPhase === null) return [];
  return [
    sql`update halflap.shard
set phase = ${literal(step.entersPhase)},
    ceiling = ${literal(bundle.to.version)},
    bundle_hash = ${literal(bundle.hash)},
    changed_at = clock_timestamp()`,
  ];
}
