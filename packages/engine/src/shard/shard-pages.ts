// The journal and the quarantine of a shard, page by page: both may be long, and whoever looks at
// them wants the end of the one and the beginning of the other. Reads only.

import type { QuarantineRow, Verb } from '@halflap/protocol';
import { type Session, withReading } from '../pg.js';

export interface JournalLine {
  /** Grows; by it a page goes on. */
  readonly id: string;
  /** Counts the evolutions of the shard, those that were taken back, too. */
  readonly attempt: string;
  readonly verb: Verb;
  readonly evolution: string;
  readonly step: string;
  readonly runner: string;
  /** What the step waits for, what it found, why it failed. */
  readonly detail: Readonly<Record<string, unknown>>;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

export interface Paging {
  readonly limit: number;
  /** The id of the last row of the page before; null: the first page. */
  readonly after: string | null;
  /** For the connection, and for each statement. */
  readonly timeoutMs: number;
}

/** The newest first. @throws SHARD_UNREACHABLE, and PostgreSQL's errors */
export function readJournalPage(url: string, paging: Paging): Promise<JournalLine[]> {
  return readPage(url, 'journal', paging, (session) =>
    session.query<JournalLine>(
      `select id::text, attempt::text, verb, evolution, step, runner, detail,
              started_at as "startedAt", finished_at as "finishedAt"
       from halflap.journal
       where $1::bigint is null or id < $1::bigint
       order by halflap.journal.id desc limit $2`,
      [paging.after, paging.limit],
    ),
  );
}

/**
 * The oldest first.
 * @param relation of this one alone; null: of all
 * @throws SHARD_UNREACHABLE, and PostgreSQL's errors
 */
export function readQuarantinePage(
  url: string,
  relation: string | null,
  paging: Paging,
): Promise<QuarantineRow[]> {
  return readPage(url, 'quarantine', paging, (session) =>
    session.query<QuarantineRow>(
      `select id::text, evolution, relation, key - ''::text as key, sqlstate, reason, noticed_at
       from halflap.quarantine
       where ($1::bigint is null or id > $1::bigint) and ($2::text is null or relation = $2)
       order by halflap.quarantine.id limit $3`,
      [paging.after, relation, paging.limit],
    ),
  );
}

/** Nothing where Halflap never was. */
function readPage<Row>(
  url: string,
  table: 'journal' | 'quarantine',
  { timeoutMs }: Paging,
  read: (session: Session) => Promise<Row[]>,
): Promise<Row[]> {
  const look = async (session: Session) => {
    const [found] = await session.query<{ is_there: boolean }>(
      'select to_regclass($1) is not null as is_there',
      [`halflap.${table}`],
    );
    return found?.is_there ? read(session) : [];
  };
  return withReading(url, table, look, { timeoutMs });
}
