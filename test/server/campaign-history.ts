// How much of a campaign's history is kept: of one that has finished, which is made long and old.

import { purgeHistory, type Store } from '@halflap/server';
import { expect } from 'vitest';
import { thinLooks } from '../../packages/server/src/campaigns/history.js';

/** @returns the campaign whose history has gone */
export async function boundHistory(store: Store): Promise<string> {
  const { home } = store;
  const { rows } = await home.query<{ id: string }>(
    `select id from campaigns where state = 'finished' limit 1`,
  );
  const id = rows[0]?.id ?? '';
  const count = async (kind: string) => {
    const sql =
      'select count(*)::int as n from campaign_events where campaign_id = $1 and kind = $2';
    return (await home.query<{ n: number }>(sql, [id, kind])).rows[0]?.n;
  };
  // A server that comes and goes each second, for ten minutes of every day.
  await home.query(
    `insert into campaign_events (campaign_id, at, kind, message, matrix)
     select $1, now() + make_interval(days => day, secs => second), 'seen', 'day ' || day, '{}'
     from generate_series(1, 3) as day, generate_series(1, 600) as second
     order by day, second`,
    [id],
  );
  await home.transaction((client) => thinLooks(client, id));
  expect(await count('seen')).toBe(500);
  const { rows: days } = await home.query<{ message: string }>(
    `select distinct message from campaign_events
     where campaign_id = $1 and message like 'day %' order by message`,
    [id],
  );
  expect(days.map(({ message }) => message)).toEqual(['day 1', 'day 2', 'day 3']);
  await home.query(
    `insert into campaign_events (campaign_id, kind, message)
     select $1, 'waits', 'for ' || i from generate_series(1, 10100) as i`,
    [id],
  );
  await purgeHistory(store, 365);
  expect(await count('started'), 'what people did stays').toBe(1);
  expect(await count('waits')).toBeLessThanOrEqual(10_000);
  await home.query(`update campaigns set ended_at = now() - interval '366 days' where id = $1`, [
    id,
  ]);
  await purgeHistory(store, 365);
  expect(await count('seen')).toBe(0);
  return id;
}
