// What pg_stat_statements remembers, as each major release of PostgreSQL does: the extension has
// other columns and other ways to normalise from one to the next.

import { readStatements, type Statements } from '@halflap/engine';
import {
  findInstallations,
  type PostgresInstallation,
  type PostgresServer,
  startPostgres,
} from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCHEMA = `create table hosts (id int primary key, name text, seen timestamptz);
  create function names() returns bigint language plpgsql as
    $$ begin return (select count(name) from hosts); end $$;`;

/** As a program sends them, and as they come back, each without its constants. */
const SENT: readonly (readonly [string, RegExp])[] = [
  [`select id from hosts where name = 'a' limit 3`, /^select id from hosts where name = \$1/],
  [`select id from hosts where id in (1, 2, 3)`, /^select id from hosts where id in \(/],
  [
    `select id from hosts where seen > now() - interval '1 hour'`,
    /^select id from hosts where seen > now\(\) - \$1::interval$/,
  ],
  [
    `select id as "größe" from hosts where seen > now() + interval '1 hour' and id = 1`,
    /^select id as "größe" from hosts where seen > now\(\) \+ \$1::interval and id = \$2$/,
  ],
  [
    `select extract(year from seen) from hosts where id = 7`,
    /^select (date_part\(\$1, seen\)|extract\(year from seen\)) from hosts where id = \$\d$/,
  ],
  [`select names()`, /^select names\(\)$/],
];

const installations = await findInstallations(process.env);

describe.each(installations)('pg_stat_statements of $version ($origin)', (installation) => {
  let server: PostgresServer;
  let isThere = false;

  beforeAll(async () => {
    server = await startPostgres({ installation });
    await server.createDatabase('shop');
    await server.createDatabase('other');
    isThere = await query(
      'postgres',
      `select from pg_available_extensions where name = 'pg_stat_statements'`,
    ).then((rows) => rows.length > 0);
  });

  afterAll(() => server?.stop());

  const query = async (database: string, ...texts: readonly string[]) => {
    const client = new pg.Client({ connectionString: server.url(database) });
    await client.connect();
    try {
      let rows: unknown[] = [];
      for (const text of texts) ({ rows } = await client.query(text));
      return rows;
    } finally {
      await client.end();
    }
  };
  const lacks = ({ version }: PostgresInstallation) =>
    `PostgreSQL ${version} came without its contrib modules`;

  it('says what is missing, step by step', async ({ skip }) => {
    expect(await readStatements(server.url('shop'))).toBe('not installed');
    skip(!isThere, lacks(installation));
    await query(
      'shop',
      'create schema "its own"',
      'create extension pg_stat_statements schema "its own"',
    );
    expect(await readStatements(server.url('shop'))).toBe('not loaded');
    await query('postgres', `alter system set shared_preload_libraries = 'pg_stat_statements'`);
    await server.restart();
    await query('postgres', `alter database shop set pg_stat_statements.track = 'all'`);
    const empty: Statements = { database: 'shop', queries: [], hidden: 0 };
    expect(await readStatements(server.url('shop'))).toEqual(empty);
  });

  it('gives the statements of one database, and can be planned as they come', async ({ skip }) => {
    skip(!isThere, lacks(installation));
    await query('shop', SCHEMA, ...SENT.map(([text]) => text), 'vacuum hosts');
    for (let n = 0; n < 4; n += 1) await query('shop', `select name from hosts where id = ${n}`);
    await query('other', 'create table others (id int)', 'select id from others');
    const { queries, hidden } = (await readStatements(server.url('shop'))) as Statements;
    expect(hidden).toBe(0);
    const [first, ...others] = queries;
    expect(first).toMatchObject({ text: 'select name from hosts where id = $1', calls: 4 });
    const texts = others.map(({ text }) => text);
    expect(texts).toHaveLength(SENT.length);
    for (const [sent, wanted] of SENT) {
      const found = texts.find((text) => wanted.test(text));
      expect(found, `${sent}: ${texts.join('; ')}`).toBeDefined();
      await query('shop', `prepare one as ${found}`);
    }
  });

  it('counts what a role may not see', async ({ skip }) => {
    skip(!isThere, lacks(installation));
    await query(
      'shop',
      `create role reader login password 'secret'`,
      'grant usage on schema "its own" to reader',
    );
    const url = new URL(server.url('shop'));
    url.username = 'reader';
    url.password = 'secret';
    const { queries, hidden } = (await readStatements(url.href)) as Statements;
    expect(queries).toEqual([]);
    expect(hidden).toBeGreaterThan(SENT.length);
  });
});
