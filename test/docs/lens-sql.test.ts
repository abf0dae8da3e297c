// docs/sql-through-a-lens.md: every cell of its table is what PostgreSQL answers, and the forms that
// it recommends work on both sides.

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerTo, type LensShard, lensShard, PLACES, STATEMENTS } from './lens-statements.js';
import { blocksOf, headingsOf, readPage, tableOf } from './page.js';

const page = readPage('docs/sql-through-a-lens.md');
const rows = tableOf(page, 'statement');
const clients = new Map<string, pg.Client>();
const shards: LensShard[] = [];

beforeAll(async () => {
  for (const phase of ['prepared', 'dual'] as const) {
    const shard = await lensShard();
    shards.push(shard);
    await shard.move('prepare');
    if (phase === 'dual') await shard.move('expand');
    clients.set(phase, await shard.connect('2.0'));
  }
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

describe('the forms that work on every shard', () => {
  const forms = blocksOf(page).filter((block) => block.info.startsWith('sql form'));

  it.each(['prepared', 'dual'])(
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
