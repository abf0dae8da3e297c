// Jobs that ended long ago are taken away with all that they wrote: first on the shards of their
// hosts, then on the home shard, so that nothing is left behind where a shard does not answer.

import { writeHosts } from '../store/many-hosts.js';
import type { Log, Store } from '../store/store.js';

/** Jobs of one call: the rest waits for the next one. */
const MOST_JOBS = 100;

/** Idempotent; several servers may do it at once. @returns how many jobs have gone. */
export async function purgeJobs(store: Store, keptDays: number, log: Log): Promise<number> {
  const { rows } = await store.home.query<{ id: string }>(
    `select id from jobs where ended_at < now() - make_interval(days => $1)
     order by ended_at limit $2`,
    [keptDays, MOST_JOBS],
  );
  let gone = 0;
  for (const { id } of rows) {
    if (await purgeJob(store, id)) gone += 1;
    else log.warn({ job: id }, 'an old job stays: a shard does not answer');
  }
  return gone;
}

async function purgeJob(store: Store, id: string): Promise<boolean> {
  const { rows } = await store.home.query<{ host_id: string }>(
    // Those that were given up are on a shard that is not there.
    'select host_id from job_hosts where job_id = $1 and given_up_at is null',
    [id],
  );
  const hosts = rows.map((row) => row.host_id);
  const { left } = await writeHosts(store, hosts, async (client, some) => {
    await client.query('delete from job_runs where job_id = $1 and host_id = any($2::uuid[])', [
      id,
      some,
    ]);
    return [];
  });
  if (left.length > 0) return false;
  await store.home.query('delete from jobs where id = $1', [id]);
  return true;
}
