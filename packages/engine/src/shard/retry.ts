// Tries the rows in quarantine again, one by one, each in a transaction of its own: what stood in
// the way of a row may be gone without the row having been written since.
//
// Invariant: waits for a client's row are short; a row that somebody holds stays where it is until
// the next time.

import type { Retry } from '../compile/bundle.js';
import type { Sql } from '../sql.js';
import { isContention } from './contention.js';
import { assertNotStopped, evolutionName, type Run } from './run.js';
import { withSettings } from './settings.js';

/** Rows of quarantine that are looked up at once. */
const PAGE_ROWS = 1000;

export async function retryQuarantined(
  run: Run,
  retry: Retry & { readonly id: string },
  fill: (text: string) => Sql,
): Promise<void> {
  const { text } = fill(retry.sql);
  const before = await count(run, retry);
  if (before === 0) return;
  const settings = { lock_timeout: `${run.limits.batchLockTimeoutMs}ms` };
  await withSettings(run.session, settings, async () => {
    for (let last = '0'; ; ) {
      const ids = await readIds(run, retry, last);
      for (const id of ids) await carry(run, text, id);
      last = ids.at(-1) ?? '';
      if (ids.length < PAGE_ROWS) return;
    }
  });
  const after = await count(run, retry);
  if (after < before) run.log(`${retry.id}: ${before - after} rows have left quarantine`);
}

async function carry(run: Run, text: string, id: string): Promise<void> {
  assertNotStopped(run);
  try {
    await run.session.query(text, [id]);
  } catch (error) {
    if (!isContention(error)) throw error;
  }
}

async function readIds(run: Run, { relation }: Retry, last: string): Promise<string[]> {
  const rows = await run.session.query<{ id: string }>(
    `select id::text from halflap.quarantine
     where evolution = $1 and relation = $2 and id > $3
     order by id limit ${PAGE_ROWS}`,
    [evolutionName(run.bundle), relation, last],
  );
  return rows.map((row) => row.id);
}

async function count(run: Run, { relation }: Retry): Promise<number> {
  const [row] = await run.session.query<{ rows: number }>(
    'select count(*)::int as rows from halflap.quarantine where evolution = $1 and relation = $2',
    [evolutionName(run.bundle), relation],
  );
  return row?.rows ?? 0;
}
