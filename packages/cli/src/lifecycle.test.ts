// The command line against real shards: the vendor's commands, the bundle, and an operator's way
// through every phase.

import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';

const RELEASES = {
  'releases/1.0/schema.sql': `
    create table hosts (
      id bigint generated always as identity primary key,
      name text not null,
      load int
    );`,
  'releases/2.0/schema.sql': `
    create table hosts (
      id bigint generated always as identity primary key,
      label text not null
    );
    create table host_loads (
      host_id bigint primary key references hosts on delete cascade,
      load int not null
    );`,
  'releases/2.0/evolution.yaml': `
from: "1.0"
changes:
  - rename_column: {table: hosts, column: name, to: label}
  - split_table:
      table: hosts
      into:
        hosts: {}
        host_loads:
          key: {host_id: id}
          when: load is not null
`,
};

/** A developer's directory: releases, and a server to try them on. */
function createVendor(): Workspace {
  const scratch = JSON.stringify(inject('serverUrl'));
  return createWorkspace({ ...RELEASES, 'halflap.yaml': `app: fleet\nscratch: ${scratch}\n` });
}

describe('halflap check, plan and build', () => {
  let vendor: Workspace;
  beforeAll(() => {
    vendor = createVendor();
  });
  afterAll(() => vendor.remove());

  it('check says how each relation crosses', async () => {
    const ended = await vendor.run(['check']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('fleet 1.0: 1 table, the first release');
    expect(ended.stdout).toMatch(/hosts +host_loads +rebuilt +exact/);
    expect(ended.stdout).toMatch(/tried on sample rows, .*: it holds/);
  });

  it('check ends with 2 and the place of a mistake', async () => {
    const broken = createVendor();
    broken.write('releases/2.0/evolution.yaml', 'from: "1.0"\nchanges:\n  - rename_colum: {}\n');
    const ended = await broken.run(['check', '2.0', '--json']);
    broken.remove();
    expect(ended.code).toBe(2);
    expect(jsonLines(ended.stdout)).toMatchObject([
      { error: { code: 'EVOLUTION_INVALID', detail: { line: 3 }, exitCode: 2 } },
    ]);
  });

  it('check claims no more than what was tried', async () => {
    const odd = createVendor();
    const table = 'create table odd (id int primary key check (id * 2 = 7), note text);';
    for (const version of ['1.0', '2.0'] as const) {
      const file = `releases/${version}/schema.sql` as const;
      odd.write(file, RELEASES[file] + table);
    }
    const ended = await odd.run(['check', '2.0']);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/: it holds where it was tried; not tried: odd\n/);
    expect(ended.stdout).toMatch(/\nwarning: no sample for odd: .*odd_id_check/);
    const [json] = jsonLines((await odd.run(['check', '2.0', '--json'])).stdout);
    odd.remove();
    expect(json).toMatchObject({
      checked: [{ verdict: 'holds where tried', trial: { untried: [{ table: 'odd' }] } }],
    });
  });

  it('check asks whether what goes was renamed', async () => {
    const renamed = createVendor();
    renamed.write('releases/1.0/schema.sql', 'create table a (id int primary key, rack text);');
    renamed.write('releases/2.0/schema.sql', 'create table a (id int primary key, room text);');
    renamed.write('releases/2.0/evolution.yaml', 'from: "1.0"\n');
    const ended = await renamed.run(['check', '2.0']);
    const [json] = jsonLines((await renamed.run(['check', '2.0', '--json'])).stdout);
    renamed.remove();
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      /warning: column rack of a goes and column room of a comes, .* a rename\? .*:\n {2}- /,
    );
    expect(json).toMatchObject({
      checked: [{ renames: [{ change: '- rename_column: { table: a, column: rack, to: room }' }] }],
    });
  });

  it('check warns, once, of a conversion that does not take every value', async () => {
    const partial = createVendor();
    partial.write('releases/1.0/schema.sql', 'create table a (id int primary key, n text);');
    partial.write('releases/2.0/schema.sql', 'create table a (id int primary key, n int);');
    partial.write('releases/2.0/evolution.yaml', 'from: "1.0"\n');
    const ended = await partial.run(['check', '2.0']);
    partial.remove();
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.match(/^warning: /gm)).toHaveLength(1);
    expect(ended.stdout).toMatch(
      /\nwarning: a\.n cannot be made from all that n may hold; for 'a': invalid input syntax .*\n/,
    );
    expect(ended.stdout).toContain('up: case when <it converts> then ("n")::integer end');
  });

  it('check, plan and build end with 2 where PostgreSQL refuses an expression', async () => {
    const broken = createVendor();
    broken.write(
      'releases/2.0/evolution.yaml',
      RELEASES['releases/2.0/evolution.yaml'].replace('load is not null', 'load + name'),
    );
    for (const verb of ['check', 'plan', 'build']) {
      const ended = await broken.run([verb, '2.0']);
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toMatch(
        /^error EVOLUTION_INVALID: .*evolution\.yaml:11:22: .*integer \+ text, in "load \+ name"/,
      );
    }
    broken.remove();
  });

  it('plan states for every statement what it locks, blocks, rewrites and reads', async () => {
    const ended = await vendor.run(['plan', '2.0', '--json']);
    const [plan] = jsonLines(ended.stdout) as [
      { steps: Record<string, { statements: object[] }[]> },
    ];
    for (const verb of ['prepare', 'expand', 'verify', 'contract', 'abort']) {
      const statements = plan.steps[verb]?.flatMap((step) => step.statements) ?? [];
      expect(statements.length).toBeGreaterThan(0);
      for (const statement of statements) {
        expect(Object.keys(statement)).toEqual([
          ...['sql', 'text', 'lock', 'relation', 'blocks', 'rewrites'],
          ...['locks', 'rewritten', 'reads'],
        ]);
      }
    }
  });

  it('plan leads each step with whom it holds up, and shows the statements that do', async () => {
    const [short, all, whole] = await Promise.all(
      [[], ['--all'], ['--sql']].map((more) => vendor.run(['plan', '2.0', ...more])),
    );
    const text = short?.stdout ?? '';
    for (const line of [
      /^EXPAND {2}ends dual; \d+ steps, \d+ statements; blocks at most .*; no rewrite$/m,
      /^ {2}expand\/sync {2}blocks writes of hosts.* for an instant; no rewrite; abort undoes it$/m,
      /^ {6}SHARE ROW EXCLUSIVE on hosts +create trigger halflap_sync_insert after /m,
      /^ {2}expand\/verify\/hosts {2}blocks nothing; reads all of hosts, hosts of 2.0 once;/m,
      /^ {2}contract\/fence {2}blocks reads and writes of hosts.*; cannot be undone$/m,
      /^ {6}\d+ more$/m,
    ]) {
      expect(text).toMatch(line);
    }
    expect(text).not.toContain('create schema');
    expect(all?.stdout).toMatch(/^ {6}– +create schema fleet_2_0$/m);
    expect(whole?.stdout).toMatch(/^ {6}create schema "fleet_2_0"$/m);
    for (const one of [short, all, whole]) {
      expect(one?.stdout).toContain('public');
      expect(one?.stdout).not.toContain('{{');
    }
  });

  it('plan refuses a bundle whose statements nobody has watched', async () => {
    await vendor.run(['build', '2.0', '--out', 'watched.json']);
    const bundle = JSON.parse(readFileSync(join(vendor.directory, 'watched.json'), 'utf8'));
    vendor.write('unwatched.json', JSON.stringify({ ...bundle, effects: undefined }));
    expect(await vendor.run(['plan', '--bundle', 'unwatched.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('hint: build it again: halflap build 2.0'),
    });
  });

  it('build writes a bundle whose plan needs no releases, the same one each time', async () => {
    const [first] = jsonLines((await vendor.run(['build', '2.0', '--json'])).stdout);
    const [again] = jsonLines((await vendor.run(['build', '2.0', '--json', '--out', 'x'])).stdout);
    expect(again?.hash).toBe(first?.hash);
    const customer = createWorkspace({ 'halflap.yaml': 'app: fleet\n' });
    const file = join(vendor.directory, 'fleet-2.0.bundle.json');
    const ended = await customer.run(['plan', '--bundle', file]);
    customer.remove();
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('fleet 1.0 → 2.0') });
  });

  it('refuses the first release and one that does not exist', async () => {
    expect(await vendor.run(['plan', '1.0'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is the first release'),
    });
    expect(await vendor.run(['build', '2.O'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "2.0"'),
    });
  });
});

describe('an operator', () => {
  let vendor: Workspace;
  let operator: Workspace;
  let eu1: FreshDatabase;
  let us1: FreshDatabase;
  beforeAll(async () => {
    vendor = createVendor();
    [eu1, us1] = await Promise.all([freshDatabase(), freshDatabase()]);
    operator = createWorkspace({
      'halflap.yaml': `app: fleet
bundles: bundles
shards:
  - {name: eu1, url: ${JSON.stringify(eu1.url)}}
  - {name: us1, url_env: US1_URL}
  - {name: dead, url: "postgres://u@127.0.0.1:1/d"}
`,
    });
    const out = join(operator.directory, 'bundles/fleet-2.0.json');
    operator.write('bundles/.keep', '');
    expect(await vendor.run(['build', '2.0', '--out', out])).toMatchObject({ code: 0 });
    await onShard(eu1.url, RELEASES['releases/1.0/schema.sql']);
    await onShard(
      eu1.url,
      "insert into hosts (name, load) select 'h' || i, i % 3 from generate_series(1, 5000) i",
    );
  });
  afterAll(async () => {
    vendor.remove();
    operator.remove();
    await Promise.all([eu1.drop(), us1.drop()]);
  });
  const run = (...args: string[]) => operator.run(args, { US1_URL: us1.url });

  it('adopts a database that holds the release, twice, and no other', async () => {
    expect((await run('adopt', '1.0', '--shard', 'eu1')).stdout).toBe(
      'eu1: adopted as fleet 1.0\n',
    );
    expect((await run('adopt', '1.0', '--shard', 'eu1')).stdout).toContain('already');
    expect(await run('adopt', '1.0', '--shard', 'us1')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('SHARD_UNKNOWN'),
    });
  });

  it('sees every shard, and by the exit code that one is dead', async () => {
    const { code, stdout } = await run('status', '--json');
    expect(code).toBe(4);
    expect(jsonLines(stdout)).toMatchObject([
      {
        shards: [
          { shard: 'eu1', reachable: true, floor: '1.0', ceiling: '1.0', phase: 'settled' },
          { shard: 'us1', reachable: true, phase: null },
          { shard: 'dead', reachable: false, error: expect.stringContaining('ECONNREFUSED') },
        ],
      },
    ]);
    expect((await run('status', '--shard', 'eu1')).code).toBe(0);
  });

  it('is refused a verb whose time has not come, with the one that comes first', async () => {
    expect(await run('expand', '--shard', 'eu1')).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/PHASE_REFUSED.*\n(.*\n)*hint: halflap prepare --shard eu1/),
    });
    expect((await run('prepare', '--shard', 'dead')).code).toBe(4);
  });

  it('prepares, aborts and prepares again', async () => {
    for (const [verb, phase] of [
      ['prepare', 'prepared'],
      ['abort', 'settled'],
      ['prepare', 'prepared'],
    ] as const) {
      const ended = await run(verb, '--shard', 'eu1', '--json');
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(jsonLines(ended.stdout).at(-1)).toMatchObject({
        event: 'outcome',
        shard: 'eu1',
        phase,
      });
    }
  });

  it('is watched while an operator pauses it', async () => {
    const watching = operator.start(['status', '--watch', '1', '--shard', 'eu1']);
    await watching.shows('prepared');
    await run('pause', '--shard', 'eu1');
    await watching.shows('paused by an operator');
    await run('resume', '--shard', 'eu1');
    watching.signal('SIGINT');
    const { stdout } = await watching.ended;
    const times = stdout.match(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/gm) ?? [];
    expect(new Set(times).size).toBeGreaterThan(1);
    expect(stdout).not.toContain('\u001b');
  });

  it('pauses, resumes and paces', async () => {
    expect((await run('pause', '--shard', 'eu1')).stdout).toBe('eu1: paused\n');
    expect(await run('expand', '--shard', 'eu1')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('PAUSED'),
    });
    expect((await run('status', '--shard', 'eu1')).stdout).toContain('paused by an operator');
    expect((await run('resume', '--shard', 'eu1')).code).toBe(0);
    const paced = await run('pace', '--shard', 'eu1', '--batch-rows', '100', '--pace-ms', '60000');
    expect(paced).toMatchObject({ code: 0, stdout: expect.stringContaining('100 rows') });
  });

  it('stops a running verb with Ctrl-C; what waits for its end is told', async () => {
    const running = operator.start(['expand', '--shard', 'eu1', '--json']);
    await running.shows('"relation":"hosts"');
    const wait = await run('wait', '--shard', 'eu1', '--for', 'dual', '--timeout', '1s');
    expect(wait).toMatchObject({ code: 5, stderr: expect.stringContaining('WAIT_TIMED_OUT') });
    expect((await run('status', '--shard', 'eu1')).stdout).toMatch(/expanding +expand\/\S+ \d+%/);
    running.signal('SIGINT');
    const ended = await running.ended;
    expect(ended.code).toBe(3);
    expect(jsonLines(ended.stdout).at(-1)).toMatchObject({ error: { code: 'INTERRUPTED' } });
  });

  it('continues it by running it again, while others wait for the phase', async () => {
    await run('pace', '--shard', 'eu1', '--batch-rows', '2000', '--pace-ms', '0');
    const waiting = run('wait', '--shard', 'eu1', '--for', 'dual', '--timeout', '10m');
    const ended = await run('expand', '--shard', 'eu1');
    expect(ended).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/expand done .* dual\n$/),
    });
    expect(ended.stderr).toContain('eu1 expand/');
    expect(await waiting).toMatchObject({ code: 0, stdout: 'eu1: dual\n' });
    expect(await run('prepare', '--shard', 'eu1')).toMatchObject({
      code: 0,
      stdout: 'eu1: nothing to prepare, the shard is dual\n',
    });
    const passed = await run('wait', '--shard', 'eu1', '--for', 'prepared', '--timeout', '10m');
    expect(passed).toMatchObject({ code: 0, stdout: 'eu1: past prepared: dual\n' });
  });

  it('verifies, and lists what is in quarantine', async () => {
    expect((await run('verify', '--shard', 'eu1')).code).toBe(0);
    expect((await run('quarantine', '--shard', 'eu1')).stdout).toBe('nothing is in quarantine\n');
    await onShard(
      eu1.url,
      `insert into halflap.quarantine (evolution, relation, key, sqlstate, reason)
       values ('1.0..2.0', 'hosts', '{"id": 7}', '23514', 'load is below zero')`,
    );
    const listed = await run('quarantine', '--shard', 'eu1', '--json');
    expect(jsonLines(listed.stdout)).toMatchObject([
      { rows: [{ shard: 'eu1', relation: 'hosts', key: { id: 7 }, sqlstate: '23514' }] },
    ]);
  });

  it('is refused contract, also by force, until quarantine is empty', async () => {
    for (const force of [[], ['--force-in-use', 'a test']]) {
      const ended = await run('contract', '--shard', 'eu1', ...force);
      expect(ended).toMatchObject({ code: 3, stderr: expect.stringMatching(/quarantine/) });
    }
    await onShard(eu1.url, 'delete from halflap.quarantine');
  });

  it('contracts over a lease of the old release by force only', async () => {
    await onShard(
      eu1.url,
      "select halflap.renew_lease(gen_random_uuid(), 'web-9', '1.0', 'native', 3600)",
    );
    expect((await run('status', '--shard', 'eu1')).stdout).toContain('1.0: web-9');
    const refused = await run('contract', '--shard', 'eu1', '--json');
    expect(jsonLines(refused.stdout).at(-1)).toMatchObject({
      error: { code: 'CONTRACT_REFUSED', detail: { evidence: [expect.stringContaining('web-9')] } },
    });
    const silent = await run('contract', '--shard', 'eu1', '--force-in-use', ' ');
    expect(silent).toMatchObject({ code: 2, stderr: expect.stringContaining('Say why') });
    const forced = await run('contract', '--shard', 'eu1', '--force-in-use', 'web-9 was scrapped');
    expect(forced).toMatchObject({ code: 0, stdout: expect.stringContaining('settled') });
    expect((await run('contract', '--shard', 'eu1')).stdout).toContain('nothing to contract');
    const wait = ['wait', '--shard', 'eu1', '--for', 'settled', '--timeout', '1s', '--release'];
    expect((await run(...wait, '2.0')).code).toBe(0);
    expect((await run(...wait, '1.0')).code).toBe(3);
  });

  it('runs a script of verbs and waits again from its beginning', async () => {
    for (const verb of ['prepare', 'expand']) {
      expect(await run(verb, '--shard', 'eu1')).toMatchObject({
        code: 0,
        stdout: `eu1: nothing to ${verb}, the shard is settled at 2.0\n`,
      });
    }
    const wait = ['wait', '--shard', 'eu1', '--for', 'dual', '--timeout', '1s'];
    const passed = await run(...wait, '--release', '2.0', '--json');
    expect(jsonLines(passed.stdout)).toEqual([
      { event: 'outcome', shard: 'eu1', phase: 'dual', passed: true, found: 'settled' },
    ]);
    expect(await run(...wait)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('eu1: settled at 2.0, waiting for dual\n'),
    });
  });

  it('installs a release on an empty database, from the releases', async () => {
    cpSync(join(vendor.directory, 'releases'), join(operator.directory, 'releases'), {
      recursive: true,
    });
    const scratch = ['--scratch', inject('serverUrl')];
    const ended = await run('install', '2.0', '--shard', 'us1', ...scratch);
    expect(ended).toMatchObject({ code: 0, stdout: 'us1: installed fleet 2.0\n' });
    expect((await run('status', '--shard', 'us1')).stdout).toMatch(/us1 +2\.0 +2\.0 +settled/);
  });
});

async function onShard(url: string, text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(text).finally(() => client.end());
}
