// Which hosts a job goes to. A preview names them; a job is made with the digest of that list, and
// goes to exactly those hosts or to none.
//
// The list is not kept in between: who wants to start a job on hosts that a filter gives, and which
// change by the minute, names the hosts of the preview themselves.

import { createHash } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { OrderKind } from '@halflap/protocol/agent';
import type { Store } from '../store/store.js';
import { invalid, MOST_HOSTS } from './spec.js';

/** A part of the condition of a statement on hosts, called `h`, with its values from `$1`. */
export interface HostCondition {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface Target {
  /** What must hold: filters, and what whoever asks may see. */
  readonly where: HostCondition;
  /** Among these only; null: among all. */
  readonly hosts: readonly string[] | null;
}

export interface TargetHost {
  readonly id: string;
  readonly hostname: string;
  readonly isOnline: boolean;
  /** Whether the host's own policy lets it run orders of the kind. */
  readonly isAllowed: boolean;
}

export interface Preview {
  /** By name. The order in which batches take them. */
  readonly hosts: readonly TargetHost[];
  readonly digest: string;
  /** Named, and not there: unknown, not active, or not for whoever asks. */
  readonly missing: readonly string[];
  /** Shards that did not answer: their hosts are not in the list. */
  readonly silent: readonly string[];
}

type Row = { id: string; hostname: string; is_online: boolean; is_allowed: boolean };

/** How long a shard is waited for. */
const ANSWER_MS = 5000;

/** @throws API_INVALID for more than MOST_HOSTS; STORE_UNAVAILABLE when no shard answers. */
export async function previewHosts(
  store: Store,
  { where, hosts }: Target,
  kind: OrderKind,
): Promise<Preview> {
  const values = [...where.values, hosts, kind, MOST_HOSTS + 1];
  const place = (back: number) => `$${values.length - back}`;
  const { rows, outcomes } = await store.gather<Row>(
    `select h.id, h.hostname, coalesce(h.session_expires_at > now(), false) as is_online,
       ${place(1)}::text = any(h.allowed) as is_allowed
     from hosts as h
     where h.state = 'active' and (${where.text})
       and (${place(2)}::uuid[] is null or h.id = any(${place(2)}::uuid[]))
     limit ${place(0)}`,
    values,
    { timeoutMs: ANSWER_MS },
  );
  const silent = outcomes.filter(({ ok }) => !ok);
  if (silent.length === outcomes.length) throw unanswered(silent[0]?.error);
  // While a bucket moves its hosts are on two shards for a moment.
  const found = new Map(rows.map((row) => [row.id, row]));
  if (found.size > MOST_HOSTS) throw invalid('body.target', `at most ${MOST_HOSTS} hosts`);
  const sorted = [...found.values()].sort(
    (one, other) => compare(one.hostname, other.hostname) || compare(one.id, other.id),
  );
  return {
    hosts: sorted.map((row) => ({
      id: row.id,
      hostname: row.hostname,
      isOnline: row.is_online,
      isAllowed: row.is_allowed,
    })),
    digest: digestOf(sorted.map(({ id }) => id)),
    missing: [...new Set(hosts ?? [])].filter((id) => !found.has(id)),
    silent: silent.map(({ shard }) => shard),
  };
}

/** Of a list of hosts, whatever their order. */
export function digestOf(hosts: readonly string[]): string {
  const text = [...hosts].sort().join('\n');
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** By code units: the same on every server. */
export function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function unanswered(cause: unknown): HalflapError {
  return new HalflapError('STORE_UNAVAILABLE', 'no shard answers', {
    hint: 'repeat it; if it lasts, look at the shards with halflap status',
    cause,
  });
}
