// The first release, from a real database by the real pg_dump, and from files as tools dump them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findInstallations, type PostgresServer, startPostgres } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { findPrograms, runProgram } from '../../../test/setup/programs.js';
import { createWorkspace, type Workspace } from '../test/run-cli.js';

const SCHEMA = `
create table hosts (id bigint generated always as identity primary key, name text not null);
create table audit (at timestamptz not null, what text);
create view named as select name from hosts;
create function noted() returns void language sql as $$
insert into audit values (now(), '')
$$;
grant select on hosts to public;
`;

const pgDump = (await findPrograms('pg_dump'))[0];
const isLocal = process.env.CI === undefined;
if (pgDump === undefined && isLocal) {
  process.stderr.write('pg_dump is not installed (Debian: postgresql-client): tests skipped\n');
}

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

const init = (args: readonly string[], env = {}) =>
  workspace.run(['init', '--scratch', inject('serverUrl'), ...args], env);
const fileIn = (path: string) => readFileSync(join(workspace.directory, path), 'utf8');

describe.skipIf(pgDump === undefined && isLocal)('init of a live database', () => {
  let server: PostgresServer;
  let major: number;
  const url = () => server.url('inventory');

  beforeAll(async () => {
    const { stdout } = await runProgram(inject('serverUrl'), [pgDump ?? '', '--version']);
    major = Number(/\d+/.exec(stdout)?.[0]);
    const found = await findInstallations(process.env);
    const installation = found.find((one) => one.major <= major);
    if (installation === undefined) throw new Error(`no PostgreSQL up to ${major} is installed`);
    server = await startPostgres({ installation });
    await server.createDatabase('inventory');
    await query(url(), SCHEMA);
  });
  afterAll(() => server?.stop());

  it('makes a release that the database can be adopted as, and says what it lacks', async () => {
    const { code, stdout, stderr } = await init(['--from', url()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.replace(/pg_dump \S+ of PostgreSQL \S+/, 'pg_dump')).toBe(
      `releases/1.0/schema.sql: written; inventory 1.0, 2 tables, pg_dump
halflap.yaml: written; shard first is at $INVENTORY_URL
left out: owners and privileges; each shard keeps its own
these tables can stay and get more columns, but not be split, merged or converted:
  audit: it has no primary key
  hosts: view named
next: halflap check
      export INVENTORY_URL=…, then halflap adopt 1.0 --all
`,
    );
    const scratch = ['--scratch', inject('serverUrl')];
    expect(await workspace.run(['check', ...scratch])).toMatchObject({ code: 0 });
    const adopt = ['adopt', '1.0', '--all', ...scratch];
    expect(await workspace.run(adopt, { INVENTORY_URL: url() })).toMatchObject({
      code: 0,
      stdout: 'first: adopted as inventory 1.0\n',
    });
    const again = await init(['--from-env', 'INVENTORY_URL', '--json'], { INVENTORY_URL: url() });
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(again.stdout)).toMatchObject({
      app: 'inventory',
      files: [{ isWritten: false }, { isWritten: false }],
      leftOut: ['owners and privileges', 'schema halflap'],
    });
    await query(url(), 'drop schema halflap cascade');
  });

  it('writes no secret anywhere', async () => {
    const { stdout, stderr } = await init(['--from', url(), '--json']);
    const password = new URL(url()).password;
    expect(password).not.toBe('');
    for (const path of ['halflap.yaml', 'releases/1.0/schema.sql']) {
      expect(fileIn(path)).not.toContain(password);
    }
    expect(stdout + stderr).not.toContain(password);
  });

  it('refuses what a release cannot hold, writes nothing, and takes what is left', async () => {
    await query(url(), 'create schema extra; create table extra.log (id int)');
    const refused = await init(['--from', url()]);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/the database makes .*table extra\.log[\s\S]*--exclude-schema/),
    });
    expect(readdirSync(workspace.directory)).toEqual([]);
    expect(await init(['--from', url(), '--exclude-schema', 'extra'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('left out: owners and privileges, schema extra;'),
    });
    await query(url(), 'drop schema extra cascade');
  });

  it('says which pg_dump is missing where all are older than the server', async () => {
    const { code, stderr } = await init(['--from', inject('serverUrl')]);
    const version = inject('installation').major;
    if (version <= major) return expect(code).toBe(0);
    expect(code).toBe(3);
    expect(stderr).toMatch(`needs a pg_dump of ${version} or later; found ${major}.`);
    expect(stderr).toMatch(`hint: install postgresql-client-${version} and put pg_dump into PATH;`);
  });

  it('says when the database cannot be reached', async () => {
    const dead = await init(['--from', 'postgres://u:secret-word@127.0.0.1:1/d']);
    expect(dead).toMatchObject({ code: 4, stderr: expect.stringContaining('SHARD_UNREACHABLE') });
    expect(dead.stderr).not.toContain('secret-word');
  });
});

describe('init of a file', () => {
  it('copies it, names the application after it, and leaves both alone after', async () => {
    workspace.write('Shop-prod.sql', SCHEMA);
    const { code, stdout } = await init(['--from', 'Shop-prod.sql', '--release', '3.4']);
    expect(code).toBe(0);
    expect(stdout).toContain('releases/3.4/schema.sql: written; shop_prod 3.4, 2 tables, copied');
    expect(stdout).toContain('left out: owners and privileges');
    expect(fileIn('releases/3.4/schema.sql')).toBe(SCHEMA);
    expect(fileIn('halflap.yaml')).toContain('app: shop_prod ');

    workspace.write('halflap.yaml', 'app: shop\nreleases: schemas\n');
    workspace.write('schemas/3.4/schema.sql', `-- of one's own making\n${SCHEMA}`);
    const again = await init(['--from', 'Shop-prod.sql', '--release', '3.4']);
    expect(again.stdout).toContain('schemas/3.4/schema.sql: there already, left alone');
    expect(fileIn('schemas/3.4/schema.sql')).toMatch(/^-- of one's/);
    workspace.write('other.sql', 'create table other (id int primary key);');
    expect(await init(['--from', 'other.sql', '--release', '3.4'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error FILE_EXISTS: schemas\/3.4\/schema.sql is there/),
    });
  });

  it.each([
    ['rows', 'create table t (id int);\nINSERT INTO t VALUES (1);', /line 2 holds rows/],
    ['a copy', 'create table t (id int);\nCOPY t (id) FROM stdin;\n1\n\\.', /line 2 holds rows/],
    ['another format', 'PGDMP\u0001\u000e', /custom format[\s\S]*pg_restore --schema-only/],
    ['an error', 'create table t (id int);\ncreate tabel u ();', /bad\.sql:2: syntax error/],
    [
      'other schemas',
      'create schema s; create table s.t (id int);',
      /bad\.sql makes .* table s\.t/,
    ],
  ])('refuses %s with what to do, and writes nothing', async (_, text, problem) => {
    workspace.write('bad.sql', text);
    expect(await init(['--from', 'bad.sql'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(problem),
    });
    expect(existsSync(join(workspace.directory, 'releases'))).toBe(false);
    expect(existsSync(join(workspace.directory, 'halflap.yaml'))).toBe(false);
  });

  it.each([
    [[], /either --from or --from-env/],
    [['--from', 'a.sql', '--from-env', 'A'], /either --from or --from-env/],
    [['--from', 'nowhere.sql'], /cannot read nowhere.sql \(ENOENT\)/],
    [['--from-env', 'NOWHERE'], /NOWHERE is not set/],
    [['--from', '1.sql', '--release', '../x'], /cannot name a release/],
    [['--from', '1.sql'], /no name for the application/],
  ])('refuses %j', async (args, problem) => {
    workspace.write('1.sql', SCHEMA);
    expect(await init(args)).toMatchObject({ code: 2, stderr: expect.stringMatching(problem) });
  });
});

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(text).finally(() => client.end());
}
