// How many hosts have which of the cluster's keys, as they have said themselves, and which would be
// lost without the old authority.

import type { Store } from '../store/store.js';

/** How long a shard is waited for. */
const ANSWER_MS = 4000;
/** As many hosts as are named. */
const NAMED = 10;

/** Hosts that may come, or wait for somebody's approval. */
const HOSTS = `hosts as h where h.state in ('active', 'pending')`;

export interface KeyCount {
  /** That trust the authority, or know the key of orders. */
  readonly trusting: number;
  /** Whose certificate is from the authority. */
  readonly certified: number;
}

export interface Counts {
  readonly hosts: number;
  readonly byKey: ReadonlyMap<string, KeyCount>;
  /** Shards that did not answer: their hosts are not counted. */
  readonly silent: readonly string[];
}

/** @param keys ids of keys of orders, digests of authorities */
export async function countKeys(store: Store, keys: readonly string[]): Promise<Counts> {
  const { rows, outcomes } = await store.gather<{
    key: string;
    hosts: number;
    trusting: number;
    certified: number;
  }>(
    `select k.key, count(h.id)::int as hosts,
       count(*) filter (where k.key = any(h.trusted_keys || h.trusted_authorities))::int
         as trusting,
       count(*) filter (where h.certificate_authority = k.key)::int as certified
     from unnest($1::text[]) as k (key)
     left join (select h.* from ${HOSTS}) as h on true
     group by k.key`,
    [keys],
    { timeoutMs: ANSWER_MS },
  );
  const byKey = new Map<string, KeyCount>();
  let hosts = 0;
  for (const row of rows) {
    const { trusting, certified } = byKey.get(row.key) ?? { trusting: 0, certified: 0 };
    byKey.set(row.key, {
      trusting: trusting + row.trusting,
      certified: certified + row.certified,
    });
    if (row.key === keys[0]) hosts += row.hosts;
  }
  return { hosts, byKey, silent: silentOf(outcomes) };
}

export interface Dependants {
  readonly count: number;
  /** The first of them, by name. */
  readonly names: readonly string[];
  readonly silent: readonly string[];
}

/**
 * Hosts that have not kept an authority, or use no certificate of it. Those whose certificates have
 * all ended enrol again in any case.
 * @param pin of the authority that would be left
 */
export async function dependants(store: Store, pin: string): Promise<Dependants> {
  const { rows, outcomes } = await store.gather<{ n: number; names: string[] | null }>(
    `select count(*)::int as n, (array_agg(h.hostname order by h.hostname))[1:${NAMED}] as names
     from ${HOSTS}
       and (not h.trusted_authorities @> array[$1] or h.certificate_authority is distinct from $1)
       and exists (select from host_certificates as c
         where c.host_id = h.id and c.revoked_at is null and c.not_after > now())`,
    [pin],
    { timeoutMs: ANSWER_MS },
  );
  return {
    count: rows.reduce((sum, { n }) => sum + n, 0),
    names: rows
      .flatMap(({ names }) => names ?? [])
      .sort()
      .slice(0, NAMED),
    silent: silentOf(outcomes),
  };
}

function silentOf(outcomes: readonly { readonly shard: string; readonly ok: boolean }[]) {
  return outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard);
}
