// A release's directory, as tools and people write it, and what is said when it cannot be read.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import {
  findInstallations,
  type PostgresServer,
  startPostgres,
  withDatabase,
} from '../testing/index.js';
import { differences } from './compare.js';
import { lineage } from './lineage.js';
import { listReleases, loadRelease, type Scratch } from './load.js';

/** In the form that pg_dump 18 gives it, with what a database of its own would not take. */
const DUMPED = String.raw`--
-- PostgreSQL database dump
--

\restrict 0FkFYTk0fNqK3gBuHqxhGJSTfGUzCbNUgYVYdIiV1cRmR0y3XWlIA8wMxJXrkHA

-- Dumped from database version 18.1 (Debian 18.1-1.pgdg13+2)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;

CREATE DATABASE inventory WITH TEMPLATE = template0 ENCODING = 'UTF8';
ALTER DATABASE inventory OWNER TO halflap_test_absent;
\connect inventory

CREATE SCHEMA public;
ALTER SCHEMA public OWNER TO halflap_test_absent;
COMMENT ON SCHEMA public IS 'standard public schema';
COMMENT ON DATABASE inventory IS 'Machines';

CREATE TYPE public.mood AS ENUM (
    'sad',
    'ok'
);
ALTER TYPE public.mood OWNER TO halflap_test_absent;

CREATE FUNCTION public.shout(text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $_$
/*
\connect is not a command here; 'nor does this end it
*/
select upper($1);
$_$;

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.hosts (
    id integer NOT NULL,
    name text DEFAULT 'a;b'::text NOT NULL,
    mood public.mood
);
ALTER TABLE ONLY public.hosts OWNER TO halflap_test_absent;

CREATE SEQUENCE public.hosts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.hosts_id_seq OWNED BY public.hosts.id;
ALTER TABLE ONLY public.hosts ALTER COLUMN id SET DEFAULT nextval('public.hosts_id_seq'::regclass);
ALTER TABLE ONLY public.hosts ADD CONSTRAINT hosts_pkey PRIMARY KEY (id);
ALTER TABLE public.hosts ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON public.hosts FOR SELECT TO halflap_test_policy_role USING (true);

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT SELECT ON TABLE public.hosts TO halflap_test_absent;
ALTER DEFAULT PRIVILEGES FOR ROLE halflap_test_absent GRANT SELECT ON TABLES TO PUBLIC;

--
-- PostgreSQL database dump complete
--

\unrestrict 0FkFYTk0fNqK3gBuHqxhGJSTfGUzCbNUgYVYdIiV1cRmR0y3XWlIA8wMxJXrkHA
`;

const WRITTEN = `\uFEFF\\set ON_ERROR_STOP on
begin;
create type mood as enum ('sad', 'ok');
commit;
create function shout(text) returns text language sql immutable as $_$
/*
\\connect is not a command here; 'nor does this end it
*/
select upper($1);
$_$;
create table hosts (id serial primary key, name text not null default 'a;b', mood mood);
alter table hosts enable row level security;
create policy readers on hosts for select to halflap_test_policy_role using (true)`;

let root: string;
let servers: { bin: string; server: PostgresServer }[] = [];
const run = promisify(execFile);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'halflap-load-'));
  const installations = await findInstallations(process.env);
  servers = await Promise.all(
    installations.map(async (installation) => ({
      bin: installation.bin,
      server: await startPostgres({ installation }),
    })),
  );
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
  await Promise.all(servers.map(({ server }) => server.stop()));
});

const scratch: Scratch = { withDatabase };

let count = 0;

async function release(schemaSql: string, version = '1.0'): Promise<string> {
  const directory = join(root, `app${++count}`, version);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'schema.sql'), schemaSql);
  return directory;
}

async function refusal(promise: Promise<unknown>): Promise<HalflapError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof HalflapError) return error;
  throw error instanceof Error ? error : new Error('accepted');
}

describe('rows that a release ships', () => {
  const TABLES = `select pg_catalog.set_config('search_path', '', false);
    create table public.roles (id serial primary key, name text, made timestamptz default now());
    create table public.users (role int references public.roles (id), name text primary key);
    create table public.tags (id serial primary key, tag text);
    create table public.notes (note text);\n`;
  const DATA = `-- rows
insert into users values (2, 'a');
COPY public.roles (id, name) FROM stdin;
1\ta \\\\ b\\nc
2\t\\N
\\.
insert into tags (tag) values ('x');
insert into notes values ('n');
select setval('roles_id_seq', 7);
`;

  it('are read from data.sql as from schema.sql, in the order of their keys', async () => {
    const [first = ''] = /^insert into users.*$/m.exec(DATA) ?? [];
    const data = `${DATA.replace(first, '')}${first}`;
    const directory = await release(TABLES);
    await writeFile(join(directory, 'data.sql'), data);
    const loaded = await loadRelease(directory, scratch);
    expect(loaded.shipped.tables).toEqual([
      {
        table: 'notes',
        columns: ['note'],
        rows: [['n']],
        unkeyed: 'it has no primary key',
        drawn: {},
      },
      {
        table: 'roles',
        columns: ['id', 'name'],
        rows: [
          ['1', 'a \\ b\nc'],
          ['2', null],
        ],
        unkeyed: null,
        drawn: { id: '7' },
      },
      {
        table: 'tags',
        columns: ['id', 'tag'],
        rows: [['1', 'x']],
        unkeyed: 'their keys are drawn',
        drawn: { id: '1' },
      },
      { table: 'users', columns: ['role', 'name'], rows: [['2', 'a']], unkeyed: null, drawn: {} },
    ]);
    const whole = await loadRelease(await release(loaded.schemaSql), scratch);
    expect(whole.shipped).toEqual(loaded.shipped);
    expect(whole.fingerprint).toBe(loaded.fingerprint);
  });

  it('are refused at their line', async () => {
    const directory = await release(TABLES);
    const file = join(directory, 'data.sql');
    await writeFile(file, DATA);
    const error = await refusal(loadRelease(directory, scratch));
    expect(error.message).toContain(`${file}:2: insert or update on table "users" violates`);
    await writeFile(file, `\n\nCOPY public.notes FROM stdin WITH (FORMAT csv);\na\n\\.\n`);
    const other = await refusal(loadRelease(directory, scratch));
    expect(other.message).toBe(
      `${file}:3: COPY takes no options here: rows are read in its text format`,
    );
  });
});

describe('loadRelease', () => {
  it('reads what pg_dump writes as it reads what a person writes', async () => {
    const dumped = await loadRelease(await release(DUMPED), scratch);
    const written = await loadRelease(await release(WRITTEN, '1.0.1'), scratch);
    expect(differences(written.catalog, dumped.catalog)).toEqual([]);
    expect(dumped.fingerprint).toBe(written.fingerprint);
    expect(dumped).toMatchObject({ version: '1.0', schemaSql: DUMPED });
    expect(written.version).toBe('1.0.1');
    expect(dumped.catalog.tables.map((table) => table.name)).toEqual(['hosts']);
    expect(dumped.catalog.others.map((other) => other.name)).toEqual([
      'shout(text)',
      'hosts.readers',
    ]);
  });

  it('reads the same on every server version, and leaves no role behind', async () => {
    const directory = await release(DUMPED);
    const expected = await loadRelease(directory, scratch);
    for (const { server } of servers) {
      const own: Scratch = {
        withDatabase: async (body) => {
          await server.createDatabase('scratch');
          return body(server.url('scratch')).finally(() => server.dropDatabase('scratch'));
        },
      };
      const loaded = await loadRelease(directory, own);
      expect(loaded.fingerprint, server.version).toBe(expected.fingerprint);
      const roles = await withSession(server.url('postgres'), 'test', (session) =>
        session.query("select rolname from pg_roles where rolname like 'halflap_test_%'"),
      );
      expect(roles).toEqual([]);
    }
  });

  it('reads what this machine’s pg_dump writes', async () => {
    const expected = await loadRelease(await release(WRITTEN), scratch);
    for (const { bin, server } of servers) {
      const program = join(bin, 'pg_dump');
      if (!(await stat(program).catch(() => null))) continue;
      await server.createDatabase('dumped');
      const url = server.url('dumped');
      await withSession(url, 'test', async (session) => {
        await session.query('create role halflap_test_policy_role');
        await session.query(WRITTEN.slice(WRITTEN.indexOf('\n')));
      });
      const { stdout } = await run(program, ['--schema-only', '--create', '--clean', url]);
      const dumped = await loadRelease(await release(stdout), scratch);
      expect(differences(expected.catalog, dumped.catalog)).toEqual([]);
    }
  });

  it('reads an empty release', async () => {
    const { catalog } = await loadRelease(await release('-- nothing yet\n'), scratch);
    expect(catalog.tables).toEqual([]);
  });

  it.each([
    ['a syntax error', 'create table a (b int);\n\ncreate tabel c ();\n', 3, 'syntax error'],
    ['an unknown type', "select 'é';\ncreate table a (\n  b int,\n  c nonsense);", 4, 'nonsense'],
    ['a failure without a place', 'create table a ();\ncreate table a ();\n', 2, 'already exists'],
    ['an unfinished string', "create table a ();\nselect 'x;\n", 2, 'unterminated'],
    [
      'a file included by psql',
      'create table a ();\n\\i other.sql\n',
      2,
      '\\i is a command of psql',
    ],
    ['rows', 'create table a (b int);\ncopy a from stdin;\nx\n\\.\n', 2, 'type integer: "x"'],
    ['an unknown role', '\nset role halflap_test_absent;\n', 2, 'halflap_test_absent'],
    ['an absent extension', 'create extension halflap_absent;', 1, 'halflap_absent'],
  ])('says where it cannot be read: %s', async (_, schemaSql, line, message) => {
    const directory = await release(schemaSql);
    const error = await refusal(loadRelease(directory, scratch));
    expect(error.code).toBe('RELEASE_UNREADABLE');
    expect(error.message).toContain(message);
    expect(error.detail).toMatchObject({ file: join(directory, 'schema.sql'), line });
    expect(error.hint).toContain('psql');
  });

  it('says that schema.sql is missing', async () => {
    const error = await refusal(loadRelease(join(root, 'absent'), scratch));
    expect(error.code).toBe('RELEASE_UNREADABLE');
    expect(error.detail.file).toBe(join(root, 'absent', 'schema.sql'));
  });

  it('refuses objects outside of public and under reserved names', async () => {
    const directory = await release(`
      create schema audit;
      create table audit.log (id serial);
      create view audit.today as select 1 as one;
      create function audit.f() returns int language sql as 'select 1';
      create type audit.kind as enum ('a');
      create table halflap_mine (halflap_x int);
      create table hosts (id int);
    `);
    const error = await refusal(loadRelease(directory, scratch));
    expect(error.code).toBe('RELEASE_UNSUPPORTED');
    expect(error.detail.evidence).toEqual([
      'column halflap_mine.halflap_x (names in halflap_ are reserved)',
      'function audit.f',
      'sequence audit.log_id_seq',
      'table audit.log',
      'table halflap_mine (names in halflap_ are reserved)',
      'type audit.kind',
      'view audit.today',
    ]);
  });
});

describe('listReleases', () => {
  it('lists releases by version, with their evolution files, and nothing else', async () => {
    const directory = join(root, 'ordered');
    for (const version of ['1.10', '1.9', '2.0', '.git', 'empty']) {
      await mkdir(join(directory, version), { recursive: true });
      if (version === 'empty') continue;
      const file = version === '.git' ? 'config' : 'schema.sql';
      await writeFile(join(directory, version, file), '');
    }
    const evolution = join(directory, '2.0', 'evolution.yaml');
    await writeFile(evolution, 'from: "1.10"\n');
    const releases = await listReleases(directory);
    expect(releases.map((one) => [one.version, one.evolutionFile])).toEqual([
      ['1.9', null],
      ['1.10', null],
      ['2.0', evolution],
    ]);
    expect(await lineage(releases)).toMatchObject([
      { from: '1.9', to: '1.10', keys: [], changes: [], dirty: [], file: null },
      { from: '1.10', to: '2.0', keys: [], changes: [], dirty: [], file: evolution },
    ]);
    await writeFile(evolution, 'from: "1.100"\n');
    const error = await refusal(lineage(releases));
    expect(error.code).toBe('EVOLUTION_INVALID');
    expect(error.message).toContain('did you mean "1.10"?');
  });

  it('refuses a directory that is absent or holds no release', async () => {
    const absent = await refusal(listReleases(join(root, 'nowhere')));
    expect(absent.code).toBe('RELEASE_UNREADABLE');
    await mkdir(join(root, 'hollow'));
    const hollow = await refusal(listReleases(join(root, 'hollow')));
    expect(hollow).toMatchObject({ code: 'RELEASE_UNREADABLE' });
    expect(hollow.hint).toContain(join('hollow', '1.0', 'schema.sql'));
  });
});
