// docs/operations.md, "Role": the owner of the tables, without any further right than the two
// that the page grants, leads a shard through everything; the application's role works in every
// phase.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { compile, lineage, listReleases, loadRelease, runVerb } from '@halflap/engine';
import { freshDatabase, withDatabase } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { blocksOf, readPage } from './page.js';

const RELEASES = fileURLToPath(new URL('../../examples/inventory/releases', import.meta.url));
const suffix = randomBytes(4).toString('hex');
const owner = `inventory_owner_${suffix}`;
const application = `inventory_app_${suffix}`;
const password = randomBytes(16).toString('hex');

let admin: pg.Client;
let database: Awaited<ReturnType<typeof freshDatabase>>;
let bundle: ReturnType<typeof compile>;

beforeAll(async () => {
  const directories = await listReleases(RELEASES);
  const [from, to] = await Promise.all(
    directories.map(({ directory }) => loadRelease(directory, { withDatabase })),
  );
  const [evolution] = await lineage(directories);
  if (!from || !to || !evolution) throw new Error('inventory has two releases');
  bundle = compile({ app: 'inventory', from, to, evolution });
  database = await freshDatabase();
  admin = await connect(database.url);
  for (const role of [owner, application]) {
    await admin.query(`create role ${role} login password '${password}'`);
  }
  const [grants] = blocksOf(readPage('docs/operations.md')).filter(({ info }) => info === 'sql');
  await admin.query(
    (grants?.lines.join('\n') ?? '')
      .replaceAll('database inventory ', `database ${database.database} `)
      .replaceAll('inventory_owner', owner),
  );
  const tables = await connect(as(owner));
  await tables.query(from.schemaSql);
  await tables.query(`grant select, insert, update, delete on all tables in schema public
    to ${application}`);
  await tables.query(
    "insert into hosts (name, owner) select 'h' || n, 'o' from generate_series(1, 50) n",
  );
  await tables.end();
});

afterAll(async () => {
  await admin.end();
  await database.drop();
  const server = await connect(inject('serverUrl'));
  for (const role of [owner, application]) await server.query(`drop role ${role}`);
  await server.end();
});

describe('the role that docs/operations.md describes', () => {
  it('leads a shard there, back and to the end, and the application works', async () => {
    const limits = { evidenceWindowMs: 0 };
    const move = (verb: 'prepare' | 'expand' | 'verify' | 'abort' | 'contract') =>
      runVerb({ url: as(owner), shard: 'eu1', bundle, verb, limits });
    await move('prepare');
    await work(['1.0', '2.0']);
    await move('expand');
    await work(['1.0', '2.0']);
    await move('verify');
    await move('abort');
    await work(['1.0']);
    await move('prepare');
    await move('expand');
    await move('contract');
    await work(['2.0']);
  });
});

/** One of each statement, as the application's role. */
async function work(releases: readonly string[]): Promise<void> {
  for (const release of releases) {
    const client = await connect(as(application), `inventory_${release.replace('.', '_')}`);
    const statements =
      release === '1.0'
        ? [
            "insert into hosts (name, owner) values (gen_random_uuid(), 'o')",
            "update hosts set status = 'ok', memory_mb = 1 where id < 5",
            'delete from hosts where id = (select max(id) from hosts)',
          ]
        : [
            "insert into hosts (name, team) values (gen_random_uuid(), 't')",
            'update hosts set memory_bytes = 1048576 where id < 5',
            "update host_status set status = 'down' where host_id < 5",
            'insert into host_heartbeats (host_id, last_seen) select min(id), now() from hosts',
            'delete from host_heartbeats',
            'delete from hosts where id = (select max(id) from hosts)',
          ];
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
  expect(releases.length).toBeGreaterThan(0);
}

function as(role: string): string {
  const url = new URL(database.url);
  url.username = role;
  url.password = password;
  return url.href;
}

async function connect(url: string, schema?: string): Promise<pg.Client> {
  const options = schema === undefined ? {} : { options: `-c search_path="${schema}",public` };
  const client = new pg.Client({ connectionString: url, ...options });
  await client.connect();
  return client;
}
