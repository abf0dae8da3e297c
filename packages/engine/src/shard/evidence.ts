// Is the old release still in use, or is something unresolved? Looked for in seven places before
// contract.
//
// | place                 | what shows it                                        | overridable |
// |-----------------------|------------------------------------------------------|-------------|
// | leases                | a server of the old release says that it lives       | yes         |
// | writes                | the sequence that a write of the old layout advances | yes         |
// | sessions              | locks on old tables and on none of the new, or the   | yes         |
// |                       | sequence advanced in a transaction that is open      |             |
// | scans                 | statistics of old tables, while nobody writes        | yes         |
// | publications          | a consumer of old tables, who cannot follow          | yes         |
// | quarantine, verify    | rows that cannot be carried, or are not equal        | no          |
// | prepared transactions | would hold their locks for ever                      | no          |
//
// Invariant: absence is only ever shown for the window that was watched; force is for those who
// know more.

import { setTimeout as delay } from 'node:timers/promises';
import type { Bundle } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { type Sql, sql, trusted } from '../sql.js';
import { readStaleVerify } from './freshness.js';
import { floorTable, readFloorTables } from './holes.js';
import { readLayoutUse, type TableSet } from './layout-use.js';

export interface Finding {
  readonly kind:
    | 'lease'
    | 'write'
    | 'session'
    | 'scan'
    | 'publication'
    | 'quarantine'
    | 'verify'
    | 'prepared transaction';
  readonly text: string;
  /** What to do about just this one, where its kind does not say it. */
  readonly remedy?: string;
  readonly isOverridable: boolean;
}

export interface EvidenceOptions {
  /** How long use of the old layout is watched for, in ms. */
  readonly windowMs: number;
  /** Age in ms above which a passed verify counts no more. */
  readonly verifyFreshMs: number;
  readonly signal?: AbortSignal;
}

/** Looks taken at sessions' locks within the window. */
const LOOKS = 6;

/** All findings; none means that contract may go on. Reads only. */
export async function contractEvidence(
  session: Session,
  bundle: Bundle,
  options: EvidenceOptions,
): Promise<readonly Finding[]> {
  const lists = [
    await findLeases(session, bundle),
    await findPublications(session, await readOldTables(session, bundle)),
    await findQuarantine(session),
    await findPreparedTransactions(session),
    (await readStaleVerify(session, bundle, options.verifyFreshMs)).map(verifyFinding),
    await watchOldLayout(session, bundle, options),
  ];
  return lists.flat();
}

async function findLeases(session: Session, bundle: Bundle): Promise<Finding[]> {
  const rows = await session.query<{ server: string; renewed: string }>(
    `select server, to_char(renewed_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS "UTC"') as renewed
     from halflap.lease
     where release = $1 and expires_at > clock_timestamp()
     order by server, instance`,
    [bundle.from.version],
  );
  return rows.map((row) => ({
    kind: 'lease',
    text: `server ${row.server} runs release ${bundle.from.version}, seen at ${row.renewed}`,
    isOverridable: true,
  }));
}

/**
 * A subscriber that is sent a row of a table by its new name, which it does not have, stops there
 * and is sent the row again for ever, while the WAL that it has not confirmed fills the disk.
 */
async function findPublications(session: Session, old: readonly Sql[]): Promise<Finding[]> {
  const rows = await session.query<{ publication: string; tables: string; is_listed: boolean }>(
    `select quote_ident(t.pubname) as publication,
            string_agg(
              format('%I.%I', t.schemaname, t.tablename), ', ' order by t.tablename
            ) as tables,
            exists (
              select from pg_catalog.pg_publication_rel as r
              join pg_catalog.pg_publication as p on p.oid = r.prpubid
              where p.pubname = t.pubname
            ) as is_listed
     from pg_catalog.pg_publication_tables as t
     where format('%I.%I', t.schemaname, t.tablename)::regclass = any($1::text[]::regclass[])
     group by t.pubname order by t.pubname`,
    [old.map(({ text }) => text)],
  );
  return rows.map(({ publication, tables, is_listed: isListed }) => ({
    kind: 'publication',
    text: `publication ${publication} publishes ${tables}, where its subscribers cannot follow`,
    remedy: isListed
      ? `let its subscribers do without, then alter publication ${publication} drop table ${tables}`
      : `end the subscriptions to publication ${publication}, then drop it`,
    isOverridable: true,
  }));
}

async function findQuarantine(session: Session): Promise<Finding[]> {
  const rows = await session.query<{ relation: string; rows: number; reason: string; key: object }>(
    `select relation, count(*)::int as rows, min(reason) as reason,
            (array_agg(key order by id))[1] as key
     from halflap.quarantine group by relation order by relation`,
  );
  return rows.map((row) => ({
    kind: 'quarantine',
    text:
      `${row.rows} rows of ${row.relation} in quarantine, ` +
      `the first ${JSON.stringify(row.key)}: ${row.reason}`,
    isOverridable: false,
  }));
}

async function findPreparedTransactions(session: Session): Promise<Finding[]> {
  const rows = await session.query<{ gid: string }>(
    'select gid from pg_catalog.pg_prepared_xacts where database = current_database() order by 1',
  );
  return rows.map((row) => ({
    kind: 'prepared transaction',
    text: `prepared transaction ${row.gid} is open`,
    isOverridable: false,
  }));
}

function verifyFinding(step: { readonly relation: string }): Finding {
  return {
    kind: 'verify',
    text: `verify of ${step.relation} has not passed since both layouts are in service`,
    isOverridable: false,
  };
}

async function watchOldLayout(
  session: Session,
  bundle: Bundle,
  options: EvidenceOptions,
): Promise<Finding[]> {
  const old = await readOldTables(session, bundle);
  if (old.length === 0) return [];
  const tables: TableSet = {
    old,
    newSchema: bundle.releaseSchema,
    oldWrites: bundle.evidence.oldWrites,
  };
  const readWrites = () => readOldWrites(session, bundle.evidence.oldWrites);
  const writesBefore = await readWrites();
  const use = await readLayoutUse(session, tables, {
    looks: LOOKS,
    pause: () => delay(options.windowMs / LOOKS, undefined, signalOf(options)),
  });
  const writes = (await readWrites()) - writesBefore;
  const version = bundle.from.version;
  const found = (kind: Finding['kind'], text: string): Finding => ({
    kind,
    text,
    isOverridable: true,
  });
  const seconds = (options.windowMs / 1000).toFixed(1);
  return [
    ...(writes > 0n ? [found('write', `${writes} writes of ${version} within ${seconds} s`)] : []),
    ...use.sessions.map(({ who, has_written: hasWritten }) =>
      found(
        'session',
        hasWritten
          ? `${who} has written as ${version} in a transaction that is open`
          : `${who} uses tables of ${version} alone`,
      ),
    ),
    // Sync scans the old tables on behalf of writes; only a quiet window tells readers apart.
    ...(writes === 0n && use.writes === 0
      ? use.scanned.map((table) => found('scan', `${table} was read within ${seconds} s`))
      : []),
  ];
}

async function readOldTables(session: Session, bundle: Bundle): Promise<Sql[]> {
  const floor = await readFloorTables(session, bundle);
  return bundle.evidence.oldTables.map((table) => floorTable(floor, table));
}

/** How often the sequence was advanced; 0 where there is none. */
async function readOldWrites(session: Session, sequence: string | null): Promise<bigint> {
  if (sequence === null) return 0n;
  const [row] = await session.query<{ writes: string }>(
    sql`select case when is_called then last_value else last_value - 1 end::text as writes
from ${trusted(sequence)}`.text,
  );
  return BigInt(row?.writes ?? '0');
}

function signalOf({ signal }: EvidenceOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
