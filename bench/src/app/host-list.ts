// How long the list of hosts takes through the API: filtered, sorted, page by page, gathered from
// all shards. The yardstick is a request of the same server that asks no shard.

import type { Store } from '@halflap/server';
import { BUCKETS } from '@halflap/server';
import { quantile } from '../measure.js';
import type { BenchOptions } from '../options.js';
import { type Caller, call, withGround } from './ground.js';

export interface ListCost {
  readonly what: string;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Of the middle, against the request that asks no shard. */
  readonly ratio: number;
}

export interface HostListFigures {
  readonly hosts: number;
  readonly packages: number;
  readonly shards: number;
  readonly requests: number;
  readonly clients: number;
  /** One client. */
  readonly alone: readonly ListCost[];
  /** Several at once. */
  readonly together: readonly ListCost[];
}

const SHARDS = 4;
/** Of a host: fewer than a real one has, so that a run begins soon. */
const PACKAGES = 100;
const CLIENTS = 8;
const WARM_UP = 10;

type Ask = (caller: Caller) => Promise<unknown>;

const list =
  (query: string): Ask =>
  (caller) =>
    call(caller, `/hosts?${query}`);

const LISTS: readonly (readonly [string, Ask])[] = [
  ['no shard is asked', (caller) => call(caller, '/session')],
  ['by name', list('limit=50')],
  ['200 by name, counted', list('limit=200&total=true')],
  ['part of a name, last seen', list('search=7&sort=lastSeen&order=desc')],
  ['label, connected, security', list('label=env=prod&online=true&sort=security&order=desc')],
  ['system, reboot, counted', list('os=debian-13&reboot=true&total=true')],
  ['package and version', list('package=package7&packageVersion=1.2&sort=os')],
  ['failed services', list('failed=true&sort=failed&order=desc')],
];

interface Page {
  readonly next: string | null;
}

/** A page somewhere in a list by upgradable packages: the next one of the page before. */
function pages(): Ask {
  let next: string | null = null;
  return async (caller) => {
    const cursor = next === null ? '' : `&cursor=${encodeURIComponent(next)}`;
    ({ next } = await call<Page>(caller, `/hosts?sort=upgradable&order=desc${cursor}`));
  };
}

export function measureHostList(
  { hosts, requests, isDurable }: BenchOptions,
  tell: (line: string) => void,
): Promise<HostListFigures> {
  return withGround({ shards: SHARDS, isDurable }, async ({ store, token, startServer }) => {
    tell(`host list: ${hosts.toLocaleString('en')} hosts are made`);
    await fillHosts(store, hosts);
    const caller = { server: await startServer(), token };
    tell('host list: one client');
    const alone = await costs(caller, requests, 1);
    tell(`host list: ${CLIENTS} clients`);
    const together = await costs(caller, requests, CLIENTS);
    const size = { hosts, packages: PACKAGES, shards: SHARDS, requests, clients: CLIENTS };
    return { ...size, alone, together };
  });
}

async function costs(caller: Caller, requests: number, clients: number): Promise<ListCost[]> {
  const asks = [...LISTS, ['page after page, upgradable', pages()] as const];
  const times = asks.map((): number[] => []);
  for (let n = -WARM_UP; n < requests; n += clients) {
    for (const [at, [, ask]] of asks.entries()) {
      const taken = await Promise.all(Array.from({ length: clients }, () => timed(ask, caller)));
      if (n >= 0) times[at]?.push(...taken);
    }
  }
  const yardstick = quantile(times[0] ?? [], 0.5);
  return asks.map(([what], at) => {
    const [p50Ms, p95Ms] = [quantile(times[at] ?? [], 0.5), quantile(times[at] ?? [], 0.95)];
    return { what, p50Ms, p95Ms, ratio: p50Ms / yardstick };
  });
}

async function timed(ask: Ask, caller: Caller): Promise<number> {
  const startedAt = performance.now();
  await ask(caller);
  return performance.now() - startedAt;
}

/** On each shard its part, in buckets that it has. */
export async function fillHosts(store: Store, hosts: number): Promise<void> {
  for (const [at, name] of store.fleet.names.entries()) {
    const shard = store.fleet.shard(name);
    const shards = store.fleet.names.length;
    const count = Math.floor(hosts / shards) + (at < hosts % shards ? 1 : 0);
    await shard.query(FILL_HOSTS, [count, at, shards, BUCKETS]);
    await shard.query(FILL_PACKAGES, [PACKAGES]);
    for (const table of ['hosts', 'host_packages']) await shard.query(`vacuum analyze ${table}`);
  }
}

/** The bucket of an id is its first 32 bits, in the rest of the division by their number. */
const FILL_HOSTS = `
  insert into hosts (id, bucket, state, hostname, labels, machine_id, os_id, os_version, os_name,
    kernel, architecture, cpu_model, cpu_cores, memory_bytes, packages_installed,
    packages_upgradable, packages_security, services_failed, reboot_reasons, revision,
    agent_version, server, fence, session_expires_at, connected_at, last_seen_at)
  select (lpad(to_hex(b.bucket + $4::int * n), 8, '0') || substr(md5(n::text), 9))::uuid,
    b.bucket, 'active', 'host-' || lpad((n * $3::int + $2::int)::text, 6, '0'),
    jsonb_build_object('env', (array['prod', 'stage', 'test'])[1 + n % 3], 'site', 's' || n % 20),
    md5(n::text), (array['debian', 'ubuntu'])[1 + n % 2], (array['13', '24.04'])[1 + n % 2],
    'Linux', '6.12', 'x86_64', 'CPU', 4, 8589934592, 100, (n * 7) % 40, (n * 7) % 5,
    (n % 50 = 0)::int, case when n % 30 = 0 then '{linux-image}'::text[] else '{}' end, 1,
    '1.0', 'server' || 1 + n % 3, 1,
    case when n % 10 > 0 then now() + interval '1 hour' end, now(), now() - n * interval '1 second'
  from generate_series(1, $1::int) as n
  cross join lateral (
    select bucket from buckets
    where bucket = (n * $3::int + $2::int) % $4::int
  ) as b`;

const FILL_PACKAGES = `
  insert into host_packages (host_id, manager, name, architecture, version)
  select h.id, 'dpkg', 'package' || p, 'amd64', '1.' || (h.bucket + p) % 7
  from hosts as h cross join generate_series(1, $1::int) as p`;
