// A shard that is two releases behind, taken through both by one command, which has to wait for a
// server, is killed, and goes on.

import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';

const FILES = {
  'releases/1.0/schema.sql': 'create table hosts (id int primary key, name text, load int);',
  'releases/2.0/schema.sql': `create table hosts (id int primary key, name text);
    create table loads (id int primary key references hosts on delete cascade, load int not null);`,
  'releases/2.0/evolution.yaml': `
from: "1.0"
changes:
  - split_table: {table: hosts, into: {hosts: {}, loads: {when: load is not null}}}
`,
  'releases/3.0/schema.sql': `create table hosts (id int primary key, name text);
    create table loads (id int primary key references hosts on delete cascade,
      percent text not null);`,
  'releases/3.0/evolution.yaml': `
from: "2.0"
changes:
  - convert_column: {table: loads, column: load, to: percent, up: load::text, down: percent::int}
`,
};

let eu1: FreshDatabase;
let us1: FreshDatabase;
let operator: Workspace;

beforeAll(async () => {
  [eu1, us1] = await Promise.all([freshDatabase(), freshDatabase()]);
  operator = createWorkspace({
    ...FILES,
    'halflap.yaml': `app: fleet
scratch: ${JSON.stringify(inject('serverUrl'))}
shards:
  - {name: eu1, url: ${JSON.stringify(eu1.url)}}
  - {name: us1, url: ${JSON.stringify(us1.url)}}
`,
  });
});

afterAll(async () => {
  operator.remove();
  await Promise.all([eu1.drop(), us1.drop()]);
});

const upgrade = (...args: readonly string[]) => ['upgrade', '--shard', 'eu1', ...args];

describe('halflap upgrade', () => {
  it('says what it would do, and does nothing', async () => {
    expect(await operator.run(['install', '1.0', '--shard', 'eu1'])).toMatchObject({ code: 0 });
    await query(eu1.url, "insert into hosts values (1, 'a', 7), (2, 'b', null)");
    const { code, stdout } = await operator.run(upgrade('--to', '3.0', '--dry-run'));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout:
        'eu1: settled at 1.0\n' +
        '  1.0 → 2.0: prepare, expand, contract\n' +
        '  2.0 → 3.0: prepare, expand, contract\n',
    });
    expect(await query(eu1.url, 'select floor, ceiling from halflap.shard')).toEqual([
      { floor: '1.0', ceiling: '1.0' },
    ]);
  });

  it('goes as far as it may, and ends with the reason', async () => {
    await query(
      eu1.url,
      "select halflap.renew_lease(gen_random_uuid(), 'web-9', '1.0', 'native', 600)",
    );
    const { code, stdout } = await operator.run(upgrade('--to', '3.0', '--json'));
    expect(code).toBe(3);
    const values = jsonLines(stdout).filter((one) => 'error' in one || one.event === 'verb');
    expect(values).toMatchObject([
      { event: 'verb', shard: 'eu1', verb: 'prepare', phase: 'prepared' },
      { event: 'verb', verb: 'expand', phase: 'dual', floor: '1.0', ceiling: '2.0' },
      {
        error: {
          code: 'CONTRACT_REFUSED',
          hint: expect.stringMatching(/; halflap upgrade --shard eu1 --to 3\.0 goes on$/),
          detail: { shard: 'eu1', evidence: [expect.stringContaining('server web-9 runs')] },
        },
      },
    ]);
  });

  it('goes on after it was killed in the middle, and ends where it is told to', async () => {
    await query(eu1.url, 'delete from halflap.lease');
    const blocker = new pg.Client(eu1.url);
    await blocker.connect();
    try {
      // Expand waits for whoever may still write what it has not seen.
      await blocker.query('begin; select pg_current_xact_id()');
      const running = operator.start(upgrade('--to', '3.0'));
      await running.shows('eu1: contract done');
      await running.shows('expand/barrier');
      running.signal('SIGKILL');
      await running.ended;
    } finally {
      await blocker.end();
    }
    const found = await query(eu1.url, 'select floor, ceiling, phase from halflap.shard');
    expect(found).toEqual([{ floor: '2.0', ceiling: '3.0', phase: 'expanding' }]);
    const { code, stdout } = await operator.run(upgrade('--to', '3.0', '--until', 'dual'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^eu1: expand done .*\neu1: done, the shard is dual, 2\.0 → 3\.0\n$/);
  });

  it('ends at the release, with every row, and has nothing to do then', async () => {
    const { code, stdout } = await operator.run(upgrade('--to', '3.0', '--json'));
    expect(code).toBe(0);
    expect(jsonLines(stdout).at(-1)).toEqual({
      event: 'outcome',
      shard: 'eu1',
      phase: 'settled',
      floor: '3.0',
      ceiling: '3.0',
      done: [{ verb: 'contract', from: '2.0', to: '3.0', seconds: expect.any(Number) }],
      left: [],
    });
    const rows = await query(
      eu1.url,
      'set search_path = fleet_3_0, public; select * from hosts left join loads using (id)',
    );
    expect(rows).toEqual([
      { id: 1, name: 'a', percent: '7' },
      { id: 2, name: 'b', percent: null },
    ]);
    expect(await operator.run(upgrade('--to', '3.0'))).toMatchObject({
      code: 0,
      stdout: 'eu1: nothing to do, the shard is settled at 3.0\n',
    });
  });

  it('finds a fresh shard at any release, and refuses what no evolution leads to', async () => {
    expect(await operator.run(['install', '3.0', '--shard', 'us1'])).toMatchObject({ code: 0 });
    expect(await operator.run(['upgrade', '--all', '--to', '3.0'])).toMatchObject({ code: 0 });
    const ended = await operator.run(upgrade('--to', '4.0'));
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain('shard eu1 is at 3.0, and');
    expect(ended.stderr).toContain('1.0 → 2.0\n  2.0 → 3.0\n');
  });
});

async function query(url: string, text: string) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const result: unknown = await client.query(text);
    const [last] = [result].flat().slice(-1) as pg.QueryResult[];
    return last?.rows ?? [];
  } finally {
    await client.end();
  }
}
