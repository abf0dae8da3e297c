// Three shards, each a PostgreSQL server of its own, as a vendor's installer would have left them:
// the schema of 1.0, rows, and no trace of Halflap.

import { readFile } from 'node:fs/promises';
import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import pg from 'pg';
import { hostName, hostsOf, initialFacts, SITES } from '../load/facts.js';
import type { Closing } from './closing.js';

export const SHARDS = ['ap1', 'eu1', 'us1'] as const;

/** Name of a shard → URL of its database. */
export type ShardUrls = Readonly<Record<string, string>>;

const DATABASE = 'inventory';
const BATCH_ROWS = 2_000;

export async function startShards(closing: Closing, signal: AbortSignal): Promise<ShardUrls> {
  const servers = await Promise.all(
    SHARDS.map(async (name): Promise<[string, PostgresServer]> => {
      const server = await startPostgres({ signal });
      closing.add(() => server.stop());
      await server.createDatabase(DATABASE);
      return [name, server];
    }),
  );
  return Object.fromEntries(servers.map(([name, server]) => [name, server.url(DATABASE)]));
}

/** Loads the first `hosts` hosts, each on the shard where it belongs. */
export async function loadHosts(urls: ShardUrls, hosts: number): Promise<void> {
  const schema = new URL('../../releases/1.0/schema.sql', import.meta.url);
  const schemaSql = await readFile(schema, 'utf8');
  const names = Object.keys(urls);
  await Promise.all(
    Object.entries(urls).map(async ([shard, url]) => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(schemaSql);
      await client.query(
        `insert into sites (code, city)
         select code, city from json_to_recordset($1) as s (code text, city text)`,
        [JSON.stringify(SITES)],
      );
      const indexes = hostsOf(shard, names, hosts);
      for (let from = 0; from < indexes.length; from += BATCH_ROWS) {
        await insertHosts(client, indexes.slice(from, from + BATCH_ROWS));
      }
      await client.end();
    }),
  );
}

async function insertHosts(client: pg.Client, indexes: readonly number[]): Promise<void> {
  const rows = indexes.map((index) => {
    const { memoryMb, ...facts } = initialFacts(index);
    return { name: hostName(index), memory_mb: memoryMb, ...facts };
  });
  await client.query(
    `insert into hosts (name, owner, site, memory_mb, tags, agent_version, last_seen,
                        heartbeat_count, load, status, status_reason)
     select name, owner, site, memory_mb, tags,
            case when heartbeats > 0 then '7.0.0' end,
            case when heartbeats > 0 then now() - make_interval(mins => heartbeats) end,
            heartbeats,
            case when heartbeats > 0 then heartbeats / 10.0 end,
            status, reason
     from json_to_recordset($1) as h (
       name text, owner text, site text, memory_mb int, tags text[], heartbeats int,
       status text, reason text
     )`,
    [JSON.stringify(rows)],
  );
}
