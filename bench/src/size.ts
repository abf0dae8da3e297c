// A table of a million rows: how fast is it filled and verified in its new layout, against tables
// that one makes of it by hand, `create table as` with the same indexes, on the same server?
//
// Two evolutions: TasKy to TasKy2 (examples/tasky), whose lookup table is filled while the shard is
// prepared, and the example's hosts, which are split into three tables.

import { fileURLToPath } from 'node:url';
import type { Client } from 'pg';
import { fill } from './data.js';
import { quantile } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, drive, loadPair, type Pair, withClient } from './shards.js';

/** Rows of the old table per second, one entry per repetition. */
export interface SizeFigures {
  readonly what: string;
  readonly rows: number;
  readonly byHand: readonly number[];
  /** With the lookup table and all indexes. */
  readonly backfill: readonly number[];
  readonly verify: readonly number[];
  /** Medians, divided by that of byHand. */
  readonly backfillRatio: number;
  readonly verifyRatio: number;
}

interface Sized {
  readonly what: string;
  readonly database: string;
  readonly pair: Pair;
  readonly fill: (client: Client, rows: number) => Promise<unknown>;
  /** In schema `byhand`, which is first in search_path. */
  readonly byHand: readonly string[];
}

const TASKY = fileURLToPath(new URL('../../examples/tasky/tasky2/releases', import.meta.url));
/** So many tasks has each author. */
const TASKS_PER_AUTHOR = 100;

const TASKY_BY_HAND = [
  `create table author as select row_number() over () as id, author as name
   from (select distinct author from public.task) as a`,
  'alter table author add primary key (id), add unique (name), alter column name set not null',
  `create table task as select t.id, a.id as author, t.task, t.prio
   from public.task as t join author as a on a.name = t.author`,
  `alter table task add primary key (id), alter column author set not null,
     alter column task set not null, alter column prio set not null`,
  'create index on task (author)',
];

const HOSTS_BY_HAND = [
  `create table hosts as select id, name collate "C" as name, owner as team, site,
     memory_mb::bigint * 1048576 as memory_bytes, tags from public.hosts`,
  `alter table hosts add primary key (id), add unique (name), alter column team set not null,
     alter column tags set not null`,
  'create index on hosts (team)',
  `create table host_heartbeats as
   select id as host_id, agent_version, last_seen, heartbeat_count, load
   from public.hosts where last_seen is not null`,
  `alter table host_heartbeats add primary key (host_id), alter column last_seen set not null,
     alter column heartbeat_count set not null`,
  'create index on host_heartbeats (last_seen)',
  `create table host_status as
   select id as host_id, status, status_reason as reason from public.hosts`,
  'alter table host_status add primary key (host_id), alter column status set not null',
];

const FILLING = /^(?:prepare\/lookup|expand\/backfill|expand\/index|expand\/unique)\//;
const VERIFYING = /^verify\//;

export async function measureSize(
  bench: Bench,
  { sizeRows, cycles }: BenchOptions,
  tell: (line: string) => void,
): Promise<SizeFigures[]> {
  const list: Sized[] = [
    {
      what: 'TasKy to TasKy2',
      database: 'tasky',
      pair: await loadPair('tasky', TASKY),
      fill: (client, rows) =>
        client.query(
          `insert into task (author, task, prio)
           select 'author ' || n % $2::int, 'task ' || n, n % 3 + 1
           from generate_series(1, $1::int) as n`,
          [rows, Math.ceil(rows / TASKS_PER_AUTHOR)],
        ),
      byHand: TASKY_BY_HAND,
    },
    {
      what: 'hosts split into three tables',
      database: 'hosts',
      pair: bench,
      fill: (client, rows) => fill(client, bench.from.version, rows),
      byHand: HOSTS_BY_HAND,
    },
  ];
  const figures: SizeFigures[] = [];
  for (const one of list) figures.push(await measureOne(bench, one, { sizeRows, cycles, tell }));
  return figures;
}

async function measureOne(
  { server }: Bench,
  one: Sized,
  options: Pick<BenchOptions, 'sizeRows' | 'cycles'> & { readonly tell: (line: string) => void },
): Promise<SizeFigures> {
  const { what, pair, database } = one;
  const { sizeRows: rows, cycles, tell } = options;
  await server.createDatabase(database);
  const url = server.url(database);
  await withClient(url, async (client) => {
    await client.query(pair.from.schemaSql);
    await one.fill(client, rows);
    await client.query('vacuum (freeze, analyze)');
  });
  const seconds = { byHand: [] as number[], backfill: [] as number[], verify: [] as number[] };
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    tell(`size: ${what}, repetition ${cycle + 1}`);
    seconds.byHand.push(await makeByHand(url, one.byHand));
    const steps = (await drive(pair, url, ['prepare', 'expand', 'verify'])).flatMap(
      (outcome) => outcome.steps,
    );
    const during = (pattern: RegExp) =>
      steps.filter(({ id }) => pattern.test(id)).reduce((sum, step) => sum + step.seconds, 0);
    seconds.backfill.push(during(FILLING));
    seconds.verify.push(during(VERIFYING));
    await drive(pair, url, ['abort']);
  }
  const rate = (list: readonly number[]) => list.map((took) => rows / took);
  const [byHand, backfill, verify] = [seconds.byHand, seconds.backfill, seconds.verify].map(rate);
  const ratio = (list: readonly number[] = []) => quantile(list, 0.5) / quantile(byHand ?? [], 0.5);
  return {
    what,
    rows,
    byHand: byHand ?? [],
    backfill: backfill ?? [],
    verify: verify ?? [],
    backfillRatio: ratio(backfill),
    verifyRatio: ratio(verify),
  };
}

/** Returns seconds; nothing is left. */
async function makeByHand(url: string, statements: readonly string[]): Promise<number> {
  return withClient(url, async (client) => {
    await client.query('create schema byhand');
    await client.query('set search_path = byhand');
    const startedAt = performance.now();
    for (const statement of statements) await client.query(statement);
    const seconds = (performance.now() - startedAt) / 1000;
    await client.query('drop schema byhand cascade');
    return seconds;
  });
}
