// Which servers a cluster has now: the hosts that its declaration chooses, what they have
// installed, and whether their agents are connected.

import { HalflapError } from '@halflap/protocol';
import { Conditions } from '../../api/conditions.js';
import { parseSelector, selectorCondition } from '../../api/labels.js';
import type { Store } from '../../store/store.js';
import { type ClusterDeclaration, releaseOfVersion } from './declaration.js';

export interface ServerFound {
  /** By which it registers on shards. */
  readonly name: string;
  /** Null: no active host is what the declaration says. */
  readonly host: { readonly id: string; readonly hostname: string } | null;
  readonly isConnected: boolean;
  /** By the package; a version that is none of a release stands for itself. Null: not known. */
  readonly installed: string | null;
}

export interface Resolved {
  /** By name. */
  readonly servers: readonly ServerFound[];
  /** Names that several hosts would register by. */
  readonly ambiguous: readonly string[];
  /** Shards of the store that did not answer: their hosts are missing. */
  readonly silent: readonly string[];
}

type HostRow = {
  id: string;
  hostname: string;
  labels: Record<string, string>;
  is_online: boolean;
  is_chosen: boolean;
  versions: string[] | null;
};

/** How long a shard is waited for. */
const ANSWER_MS = 5000;
/** One more than there may be. */
const MOST_HOSTS = 2001;

/** @throws API_INVALID for a selector that is none; STORE_UNAVAILABLE when no shard answers */
export async function resolveServers(
  store: Store,
  declared: ClusterDeclaration,
): Promise<Resolved> {
  const { named = [], nameLabel } = declared.servers;
  const { rows, silent } = await readHosts(store, declared);
  const found: ServerFound[] = [];
  for (const row of rows.filter((one) => one.is_chosen)) {
    const name = nameLabel === undefined ? row.hostname : row.labels[nameLabel];
    if (name !== undefined) found.push(foundOf(name, row, declared));
  }
  for (const { name, host } of named) {
    const rowsOfName = rows.filter(({ hostname }) => hostname === host);
    const [row] = rowsOfName;
    const isOne = row !== undefined && rowsOfName.length === 1;
    found.push(isOne ? foundOf(name, row, declared) : missing(name));
  }
  const byName = new Map(found.map((one) => [one.name, one]));
  const ambiguous = found.filter((one) => byName.get(one.name) !== one).map(({ name }) => name);
  const servers = [...byName.values()].sort(byServerName);
  return { servers, ambiguous: [...new Set(ambiguous)], silent };
}

async function readHosts(store: Store, { servers, ...declared }: ClusterDeclaration) {
  const { hosts, named = [] } = servers;
  const conditions = new Conditions();
  const chosen =
    hosts === undefined
      ? 'false'
      : selectorCondition(parseSelector(hosts, 'servers.hosts'), 'h.labels', conditions);
  const names = conditions.place(named.map(({ host }) => host));
  const name = conditions.place(declared.package ?? null);
  const { rows, outcomes } = await store.gather<HostRow>(
    `select h.id, h.hostname, h.labels, coalesce(h.session_expires_at > now(), false) as is_online,
       (${chosen}) as is_chosen,
       (select array_agg(distinct p.version) from host_packages as p
        where p.host_id = h.id and p.name = ${name}::text) as versions
     from hosts as h
     where h.state = 'active' and ((${chosen}) or h.hostname = any(${names}::text[]))
     limit ${MOST_HOSTS}`,
    conditions.values,
    { timeoutMs: ANSWER_MS },
  );
  const silent = outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard);
  if (silent.length < outcomes.length) {
    // While a bucket moves its hosts are on two shards for a moment.
    return { rows: [...new Map(rows.map((row) => [row.id, row])).values()], silent };
  }
  throw new HalflapError('STORE_UNAVAILABLE', 'no shard with hosts answers', {
    hint: 'repeat it; /readyz says how the shards stand',
  });
}

function foundOf(
  name: string,
  { id, hostname, is_online: isConnected, versions }: HostRow,
  declared: ClusterDeclaration,
): ServerFound {
  const [version, second] = versions ?? [];
  const isOne = version !== undefined && second === undefined;
  const installed = isOne ? (releaseOfVersion(declared, version) ?? version) : null;
  return { name, host: { id, hostname }, isConnected, installed };
}

/** A server that is declared, or was there once, and that nothing is known of. */
export function missing(name: string): ServerFound {
  return { name, host: null, isConnected: false, installed: null };
}

export function byServerName(one: { readonly name: string }, other: { readonly name: string }) {
  return one.name.localeCompare(other.name, 'en', { numeric: true });
}
