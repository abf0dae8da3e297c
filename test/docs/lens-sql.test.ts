// docs/sql-through-a-lens.md: the forms that it recommends work on both sides. Its tables are
// written by test/versions.

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LensShard, lensShard } from './lens-shard.js';
import { blocksOf, readPage } from './page.js';

const page = readPage('docs/sql-through-a-lens.md');
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
