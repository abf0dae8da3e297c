// Takes away what nobody needs: messages that are old and that no group has to handle any more, and
// groups of which no member has been seen for a month, with what waits for them.

import type { Shard } from '@halflap/client';

/** Rows of one statement: it holds no lock for long. */
const ROWS = 5000;

const MESSAGES = `
delete from bus_messages
where id in (
  select m.id
  from bus_messages m
  where m.created_at < now() - make_interval(secs => $1)
    and not exists (select from bus_deliveries d where d.message_id = m.id)
    and not exists (select from bus_parked p where p.message_id = m.id)
  limit ${ROWS}
  for update of m skip locked)`;

const GROUPS = `
with gone as (
  delete from bus_groups
  where seen_at < now() - interval '30 days'
  returning name, topic
)
delete from bus_deliveries d
using gone g
where d.group_name = g.name and d.topic = g.topic`;

export interface PurgeOptions {
  readonly keepSeconds: number;
  readonly timeoutMs: number;
}

/** Returns how many messages were taken away. Any server may do it at any time, beside others. */
export async function purge(
  shard: Shard,
  { keepSeconds, timeoutMs }: PurgeOptions,
): Promise<number> {
  await shard.query(GROUPS, [], { timeoutMs });
  let all = 0;
  for (;;) {
    const { rowCount } = await shard.query(MESSAGES, [keepSeconds], { timeoutMs });
    all += rowCount ?? 0;
    if ((rowCount ?? 0) < ROWS) return all;
  }
}
