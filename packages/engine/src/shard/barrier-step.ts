// Runs a barrier step: waits until every transaction that was open when the step began has ended,
// so that none is left which does not see what the step before it committed.
//
// Invariant: the list is taken once, and kept in the journal before the wait; a later runner waits
// for the same transactions. An idle transaction delays us and is never harmed.
//
// Source: manual, 54.12 pg_locks: every open transaction holds its own virtual id. A prepared
// transaction has none and stands in pg_prepared_xacts instead.

import type { BarrierStep } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { ageText } from './age.js';
import { noteStep, readJournal } from './journal.js';
import { type Run, rest } from './run.js';

interface OpenTransactions {
  readonly virtual: readonly string[];
  readonly prepared: readonly string[];
}

interface WaitedFor {
  readonly who: string;
  readonly application: string | null;
  readonly age_seconds: number | null;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;

export async function runBarrierStep(run: Run, step: BarrierStep): Promise<void> {
  const kept = (await readJournal(run.session, run.attempt)).get(step.id)?.detail.barrier;
  const open = isOpenTransactions(kept) ? kept : await readOpen(run.session, run.pid);
  if (!isOpenTransactions(kept)) await noteStep(run, step, { barrier: open });
  let said: string | null = null;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    const left = await readLeft(run.session, open);
    if (left.length === 0) return;
    const waitingFor = describe(left);
    run.onProgress?.(progressOf(run, step, waitingFor));
    // What is kept for `status` names the sessions only: their ages change with every look.
    const names = left.map((one) => one.who).join(', ');
    if (said !== names) await noteStep(run, step, { waitingFor });
    said = names;
    await rest(run, pauseMs);
  }
}

async function readOpen(session: Session, pid: number): Promise<OpenTransactions> {
  const [row] = await session.query<OpenTransactions>(
    `select
       array(
         select l.virtualxid
         from pg_catalog.pg_locks l
         join pg_catalog.pg_stat_activity a on a.pid = l.pid
         where l.locktype = 'virtualxid' and l.granted and l.mode = 'ExclusiveLock'
           and l.pid <> $1
           and a.datname = current_database()
           and a.backend_type is distinct from 'autovacuum worker'
       ) as virtual,
       array(
         select gid from pg_catalog.pg_prepared_xacts where database = current_database()
       ) as prepared`,
    [pid],
  );
  return row ?? { virtual: [], prepared: [] };
}

async function readLeft(session: Session, open: OpenTransactions): Promise<WaitedFor[]> {
  return session.query<WaitedFor>(
    `select 'session ' || l.pid as who, nullif(a.application_name, '') as application,
            extract(epoch from clock_timestamp() - a.xact_start)::float8 as age_seconds
     from pg_catalog.pg_locks l
     left join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'virtualxid' and l.granted and l.mode = 'ExclusiveLock'
       and l.virtualxid = any($1::text[])
     union all
     select 'prepared transaction ' || gid, null,
            extract(epoch from clock_timestamp() - prepared)::float8
     from pg_catalog.pg_prepared_xacts
     where database = current_database() and gid = any($2::text[])
     order by age_seconds desc nulls last, who`,
    [open.virtual, open.prepared],
  );
}

function describe(left: readonly WaitedFor[]): string {
  const shown = left.slice(0, 5).map((one) => {
    const application = one.application === null ? '' : ` (${one.application})`;
    const age = one.age_seconds === null ? '' : `, open for ${ageText(one.age_seconds)}`;
    return `${one.who}${application}${age}`;
  });
  const more = left.length > shown.length ? ` and ${left.length - shown.length} more` : '';
  return `open transactions: ${shown.join('; ')}${more}`;
}

function progressOf(run: Run, step: BarrierStep, waitingFor: string) {
  return {
    shard: run.shard,
    verb: run.verb,
    step: step.id,
    title: step.title,
    relation: null,
    rowsDone: 0,
    rowsEstimated: 0,
    rowsPerSecond: 0,
    secondsLeft: null,
    batchRows: 0,
    waitingFor,
  };
}

function isOpenTransactions(value: unknown): value is OpenTransactions {
  return typeof value === 'object' && value !== null && 'virtual' in value && 'prepared' in value;
}
