// `check --queries-from`: the statements come from a database on which the release has worked. Each
// finding has the number and the calls of its statement in the place of file and line.

import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';
import type { QueriesChecked, QueryFinding } from './queries.js';

const NEW_SCHEMA = `create table hosts (id int primary key, name text not null unique,
  memory_bytes bigint, seen timestamptz);`;

const FILES = {
  'releases/1.0/schema.sql': `create table hosts (id int primary key, name text not null unique,
  memory_mb int, seen timestamptz);`,
  'releases/2.0/schema.sql': NEW_SCHEMA,
  'releases/2.0/evolution.yaml': `from: "1.0"
changes:
  - convert_column:
      table: hosts
      column: memory_mb
      to: memory_bytes
      up: memory_mb::bigint * 1048576
      down: (memory_bytes / 1048576)::int
`,
  'sql/one.sql': 'select * from hosts tablesample system (1);',
};

/** Of others, which count for nothing: a table of their own, and what is no question at all. */
const OTHERS = ['create table notes (id int, note text)', 'select note from notes', 'vacuum notes'];

let server: PostgresServer;
let vendor: Workspace;
let isThere = false;

beforeAll(async () => {
  server = await startPostgres({ installation: inject('installation') });
  await server.createDatabase('shop');
  await server.createDatabase('bare');
  const available = await send(
    'postgres',
    `select from pg_available_extensions where name = 'pg_stat_statements'`,
  );
  isThere = available.length > 0;
  if (isThere) {
    await send('postgres', `alter system set shared_preload_libraries = 'pg_stat_statements'`);
    await server.restart();
    await send('shop', 'create schema stats', 'create extension pg_stat_statements schema stats');
  }
  vendor = createWorkspace({
    ...FILES,
    'halflap.yaml': `app: shop\nscratch: ${JSON.stringify(inject('serverUrl'))}\n`,
  });
});

afterAll(async () => {
  vendor.remove();
  await server.stop();
});

async function send(database: string, ...texts: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const text of texts) ({ rows } = await client.query(text));
    return rows;
  } finally {
    await client.end();
  }
}

const check = (database: string, ...args: readonly string[]) =>
  vendor.run(['check', '2.0', '--queries-from', server.url(database), ...args]);

describe('check --queries-from', () => {
  it('says what to do where the extension is missing, or knows nothing', async ({ skip }) => {
    const missing = await check('bare');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('COMMAND_INVALID: --queries-from: pg_stat_statements is not');
    expect(missing.stderr).toContain('create extension pg_stat_statements');
    skip(!isThere, 'this PostgreSQL came without its contrib modules');
    const lost = ['create extension pg_stat_statements', 'select pg_stat_statements_reset()'];
    await send('postgres', ...lost);
    const empty = await check('shop');
    expect(empty.code).toBe(2);
    expect(empty.stderr).toContain('pg_stat_statements knows no statement of database shop');
  });

  it('counts only what a lens refuses against the release', async ({ skip }) => {
    skip(!isThere, 'this PostgreSQL came without its contrib modules');
    await send(
      'shop',
      NEW_SCHEMA,
      ...OTHERS,
      `insert into hosts values (1, 'a', 1048576), (2, 'b', null)`,
      `insert into hosts (id, name) values (3, 'a') on conflict (name) do nothing`,
      `select name from hosts where seen > now() - interval '1 day'`,
      'select 7 + 8 from hosts',
    );
    const { code, stdout, stderr } = await check('shop', '--json');
    expect(code, stderr).toBe(0);
    const [{ queries }] = jsonLines(stdout) as [{ queries: QueriesChecked }];
    const said = queries.findings.map(({ verdict, text }) => `${verdict}: ${text}`);
    expect(queries.count).toBe(5);
    expect(said.sort()).toEqual([
      'client: insert into hosts (id, name) values ($1, $2) on conflict (name) do nothing',
      'unread: select $1 + $2 from hosts',
      'wrong: select note from notes',
    ]);
  });

  it('names what it refuses by number and calls', async ({ skip }) => {
    skip(!isThere, 'this PostgreSQL came without its contrib modules');
    await send(
      'shop',
      'select id from hosts tablesample system (10)',
      'select id from hosts tablesample system (20)',
    );
    const { code, stdout } = await check('shop', '--json');
    expect(code).toBe(3);
    const [{ queries }] = jsonLines(stdout) as [{ queries: { findings: QueryFinding[] } }];
    const refused = queries.findings.find(({ verdict }) => verdict === 'refused');
    const queryid = refused !== undefined && 'queryid' in refused ? refused.queryid : '';
    expect(queryid).toMatch(/^-?\d+$/);
    expect(refused).toMatchObject({ calls: 2, sqlstate: '0A000', fix: 'where random() < …' });

    const both = await check('shop', '--queries', 'sql');
    expect(both.code).toBe(3);
    expect(both.stdout).toContain(`queryid ${queryid}, 2 calls: refused through the lens: 0A000 `);
    expect(both.stdout).toContain('  statement: select id from hosts tablesample system ($1)\n');
    expect(both.stdout).toContain('sql/one.sql:1: refused through the lens: 0A000 ');
    expect(both.stdout).toMatch(/^queries: \d+ statements; 2 refused through the lens, /m);
    expect(both.stdout + both.stderr).not.toContain(new URL(server.url('shop')).password);
  });
});
