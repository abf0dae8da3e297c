// Opens and resolves alerts, each with what is to be told of it, in a transaction of the home
// shard.

import { randomUUID } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Difference } from './difference.js';
import { type RuleRow, SEVERITIES } from './rules.js';

/** How long a delivery is tried. */
export const TRIED_HOURS = 24;

/** @returns ids of the alerts that were opened: none that another transaction has opened. */
export async function writeDifference(
  client: ClientBase,
  rule: Pick<RuleRow, 'id' | 'kind' | 'severity'>,
  { opened, changed, resolved }: Difference,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    `insert into alerts
       (id, rule_id, kind, severity, subject, subject_name, host_id, labels, message)
     select f.id, $1, $2, $3, f.subject, f.name, f."hostId", nullif(f.labels, 'null'), f.message
     from jsonb_to_recordset($4::jsonb)
       as f (id uuid, subject text, name text, "hostId" uuid, labels jsonb, message text)
     on conflict (rule_id, subject) where state = 'open' do nothing
     returning id`,
    [
      ...[rule.id, rule.kind, rule.severity],
      JSON.stringify(opened.map((one) => ({ ...one, id: randomUUID() }))),
    ],
  );
  await client.query(
    `update alerts as a
     set subject_name = f.name, labels = nullif(f.labels, 'null'), message = f.message
     from jsonb_to_recordset($1::jsonb) as f (id uuid, name text, labels jsonb, message text)
     where a.id = f.id and a.state = 'open'`,
    [JSON.stringify(changed)],
  );
  const ids = rows.map(({ id }) => id);
  await tell(client, 'opened', ids);
  await resolve(client, resolved);
  return ids;
}

/** Resolves alerts that are open, and tells so. */
export async function resolve(client: ClientBase, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { rows } = await client.query<{ id: string }>(
    `update alerts set state = 'resolved', resolved_at = now()
     where id = any($1::uuid[]) and state = 'open'
     returning id`,
    [ids],
  );
  await tell(
    client,
    'resolved',
    rows.map(({ id }) => id),
  );
}

const INSTANT = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;

/** A delivery for each of the alerts and each target that wants to know. */
async function tell(client: ClientBase, event: 'opened' | 'resolved', ids: readonly string[]) {
  if (ids.length === 0) return;
  await client.query(
    `insert into alert_deliveries (id, target_id, alert_id, event, payload, give_up_at)
     select gen_random_uuid(), t.id, a.id, $2::text,
       jsonb_build_object(
         'event', $2::text,
         'alert', jsonb_build_object(
           'id', a.id, 'rule', a.rule_id, 'kind', a.kind, 'severity', a.severity,
           'subject', a.subject, 'name', a.subject_name, 'labels', a.labels,
           'message', a.message,
           'openedAt', to_char(a.opened_at at time zone 'UTC', ${INSTANT}),
           'resolvedAt', to_char(a.resolved_at at time zone 'UTC', ${INSTANT})
         )
       ),
       now() + make_interval(hours => $3)
     from alerts as a
     join alert_targets as t on t.enabled and (t.kinds is null or a.kind = any(t.kinds))
       and array_position($4::text[], a.severity) >= array_position($4::text[], t.minimum_severity)
     where a.id = any($1::uuid[])
     order by a.number`,
    [ids, event, TRIED_HOURS, SEVERITIES],
  );
}
