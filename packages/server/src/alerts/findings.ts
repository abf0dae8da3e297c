// What rules find now, on the shards and on the home shard. Reads only.
//
// Invariant: a finding is only missing where its shard has answered, completely; where that is not
// so `isJudged` says that nothing is known of the subject.

import { Conditions } from '../api/conditions.js';
import { parseSelector, selectorCondition } from '../api/labels.js';
import type { Store } from '../store/store.js';
import { HOST_CHECKS, type RuleRow } from './rules.js';

export interface Finding {
  readonly subject: string;
  readonly name: string;
  readonly hostId: string | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly message: string;
}

/** What a rule found, and of which subjects it could have said so. */
export interface Findings {
  readonly found: readonly Finding[];
  isJudged(subject: string): boolean;
}

/** Hosts of one rule and shard; those beyond are told of when others have been mended. */
const MOST = 1000;
/** How long a shard is waited for. */
const ANSWER_MS = 5000;

/** Shards that do not answer, or not in time. */
export async function silentShards(store: Store): Promise<ReadonlySet<string>> {
  const { outcomes } = await store.gather('select 1', [], { timeoutMs: ANSWER_MS });
  return new Set(outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard));
}

/** @param answering the shards that are worth asking */
export async function findHosts(
  store: Store,
  rule: RuleRow,
  answering: readonly string[],
): Promise<Findings> {
  const check = HOST_CHECKS[rule.kind];
  if (check === undefined || answering.length === 0) return NOTHING_KNOWN;
  const conditions = new Conditions();
  conditions.place(rule.threshold);
  conditions.add(`h.state = 'active'`);
  conditions.add(check.condition);
  if (rule.selector !== null) {
    const selector = parseSelector(rule.selector, 'selector');
    conditions.add(selectorCondition(selector, 'h.labels', conditions));
  }
  const { rows, outcomes } = await store.gather<HostRow>(
    `select h.id, h.hostname, h.labels, ${check.message} as message
     from hosts as h
     join buckets as b on b.bucket = h.bucket and b.state = 'owned'${check.from ?? ''}
     where ${conditions.text}
     order by h.id
     limit ${MOST + 1}`,
    conditions.values,
    { timeoutMs: ANSWER_MS, shards: answering, shardColumn: 'shard' },
  );
  const upTo = new Map<string, string>();
  for (const { shard, ok, rows: count } of outcomes) {
    const last = rows.filter((row) => row.shard === shard)[MOST - 1]?.id ?? '';
    if (ok) upTo.set(shard, count > MOST ? last : PAST_ALL);
  }
  const isKept = (row: HostRow) => row.id <= (upTo.get(row.shard) ?? '');
  return {
    found: rows.filter(isKept).map(findingOf),
    isJudged(subject) {
      const shard = store.shardNameOf(subject);
      return shard !== undefined && subject <= (upTo.get(shard) ?? '');
    },
  };
}

/** Behind every id of a host. */
const PAST_ALL = 'g';

const NOTHING_KNOWN: Findings = { found: [], isJudged: () => false };

type HostRow = {
  readonly id: string;
  readonly hostname: string;
  readonly labels: Record<string, string>;
  readonly message: string;
  readonly shard: string;
};

function findingOf({ id, hostname, labels, message }: HostRow): Finding {
  return { subject: id, name: hostname, hostId: id, labels, message };
}

/** Jobs that failed lately, and that no later try has made good. */
export async function findJobs(store: Store, rule: RuleRow): Promise<Findings> {
  const { rows } = await store.home.query<{ id: string; name: string; state: string }>(
    `select j.id, j.name, j.state
     from jobs as j
     where j.state in ('failed', 'stopped', 'timed_out')
       and j.ended_at > now() - make_interval(hours => $1)
       and not exists (
         select from jobs as later where later.retry_of = j.id and later.state = 'succeeded'
       )
     order by j.ended_at desc
     limit $2`,
    [rule.threshold, MOST],
    { timeoutMs: ANSWER_MS },
  );
  const found = rows.map(({ id, name, state }) => ({
    ...{ subject: id, name, hostId: null, labels: null },
    message: `the job ended as ${state.replace('_', ' ')}`,
  }));
  return { found, isJudged: () => true };
}

/**
 * Campaigns that go on only when somebody does something: that are stopped, or that wait for an
 * approval or for something that stands against them. What somebody paused is not waited for.
 */
export async function findCampaigns(store: Store, rule: RuleRow): Promise<Findings> {
  const { rows } = await store.home.query<{ id: string; name: string; why: string }>(
    `select c.id, k.name,
       case c.state when 'stopped' then 'the campaign is stopped: ' || coalesce(c.reason, '')
         else s.id || ' waits: ' || (s.wait ->> 'why') end as why
     from campaigns as c
     join clusters as k on k.id = c.cluster_id
     left join lateral (
       select s.id, s.wait from campaign_steps as s
       where s.campaign_id = c.id and s.state = 'waiting' and s.wait is not null
         and s.wait ->> 'until' is null
       order by s.place limit 1
     ) as s on c.state = 'running'
     where (c.state = 'stopped' or (c.state = 'running' and s.id is not null and not exists (
         select from campaign_steps as busy
         where busy.campaign_id = c.id and busy.state = 'running'
       )))
       and (
         select coalesce(max(e.at), c.started_at) from campaign_events as e
         where e.campaign_id = c.id and e.kind in ('stopped', 'waits')
       ) <= now() - make_interval(mins => $1)
     order by c.id
     limit $2`,
    [rule.threshold, MOST],
    { timeoutMs: ANSWER_MS },
  );
  const found = rows.map(({ id, name, why }) => ({
    ...{ subject: id, name, hostId: null, labels: null, message: why.slice(0, 500) },
  }));
  return { found, isJudged: () => true };
}
