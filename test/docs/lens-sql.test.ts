// docs/sql-through-a-lens.md: every cell of its table is what PostgreSQL answers, and the forms
// that it recommends work on both sides.

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerTo, type LensShard, lensShard, PLACES, STATEMENTS } from './lens-statements.js';
import { blocksOf, headingsOf, readPage, tableOf } from './page.js';

const page = readPage('docs/sql-through-a-lens.md');
const rows = tableOf(page, 'statement');
const clients = new Map<string, pg.Client>();
const shards: LensShard[] = [];

beforeAll(async () => {
  const settled = await lensShard();
  clients.set('settled', await settled.connectByLens());
  for (const phase of ['prepared', 'dual'] as const) {
    const shard = await lensShard();
    shards.push(shard);
    await shard.move('prepare');
    if (phase === 'dual') await shard.move('expand');
    clients.set(phase, await shard.connect('2.0'));
  }
  shards.push(settled);
});

afterAll(async () => {
  for (const client of clients.values()) await client.end();
  for (const shard of shards) await shard.drop();
});

describe('the table of docs/sql-through-a-lens.md', () => {
  it('has a column for each kind of relation and a row for each statement', () => {
    expect(headingsOf(page, 'statement').slice(1)).toEqual(Object.keys(PLACES));
    expect(rows.map((row) => row[0])).toEqual(Object.keys(STATEMENTS));
  });

  for (const [name, statement] of Object.entries(STATEMENTS)) {
    it(`says what answers ${name}`, async () => {
      const answers: string[] = [];
      for (const { phase, table } of Object.values(PLACES)) {
        answers.push(await answerTo(clients.get(phase) as pg.Client, statement(table)));
      }
      const row = rows.find((one) => one[0] === name) ?? [];
      expect(row.slice(1).map((cell) => cell.replaceAll('`', ''))).toEqual(answers);
    });
  }
});

describe('a session lens', () => {
  const asOnPrepared = Object.values(PLACES).filter(({ phase }) => phase === 'prepared');

  it.each(asOnPrepared)('answers on $table as a prepared shard does', async ({ table }) => {
    const answers = async (phase: string) => {
      const found: string[] = [];
      for (const [name, statement] of Object.entries(STATEMENTS)) {
        found.push(`${name}: ${await answerTo(clients.get(phase) as pg.Client, statement(table))}`);
      }
      return found;
    };
    expect(await answers('settled')).toEqual(await answers('prepared'));
  });
});

describe('the forms that work on every shard', () => {
  const forms = blocksOf(page).filter((block) => block.info.startsWith('sql form'));

  it.each(['settled', 'prepared', 'dual'])(
    'write a row that is there and one that is not, when %s',
    async (phase) => {
      expect(forms).toHaveLength(2);
      const client = clients.get(phase) as pg.Client;
      for (const form of forms) {
        for (const name of ['host 1', `new host of ${form.info}`]) {
          const text = form.lines.join('\n').replaceAll('db-1', name);
          await client.query(text);
          const found = await client.query('select from hosts where name = $1', [name]);
          expect(found.rowCount, text).toBe(1);
        }
      }
    },
  );
});

describe('a session that was bound before a step', () => {
  it('goes on with its prepared statements when the lens becomes a table', async () => {
    const shard = await lensShard();
    shards.push(shard);
    await shard.move('prepare');
    const client = await shard.connect('2.0');
    const read = { name: 'read', text: 'select id, name from hosts where id = $1', values: [1] };
    const write = { name: 'write', text: 'update hosts set name = name || $1', values: ['!'] };
    await client.query(read);
    await client.query(write);
    await shard.move('expand');
    await client.query(write);
    expect((await client.query(read)).rows).toEqual([{ id: 1, name: 'host 1!!' }]);
    await client.end();
  });
});

describe('sequences', () => {
  it.each(['prepared', 'dual'])(
    'are shared by both releases, and lastval() works, when %s',
    async (phase) => {
      const client = clients.get(phase) as pg.Client;
      const insert = "insert into hosts (name) values ('by ' || gen_random_uuid()) returning id";
      const { rows } = await client.query(insert);
      const { rows: last } = await client.query(
        "select lastval()::int as id, pg_get_serial_sequence('hosts', 'id') as sequence",
      );
      expect(last).toEqual([{ id: rows[0].id, sequence: null }]);
      const old = await shards[phase === 'dual' ? 1 : 0]?.connect('1.0');
      const next = await old?.query(
        "insert into hosts (name) values ('old ' || gen_random_uuid()) returning id",
      );
      await old?.end();
      expect(next?.rows).toEqual([{ id: rows[0].id + 1 }]);
    },
  );
});
