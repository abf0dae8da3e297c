// Duplicates of the old release that have another value for the new one, in every phase.

import { describe, expect, it } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { type Client, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

const FROM = `create table people (id int primary key, email text, n int);
create index on people (email);`;
const TO = `create table people (id int primary key, email text, n int,
  constraint one_email unique (email));`;
const DIRTY = `dirty:
  - default: { table: people, constraint: one_email, values: { email: "email || '+' || id" } }
`;

const emails = async (client: Client) =>
  (
    await client.query<{ line: string }>(`select id || coalesce(email, '-') as line
     from people order by id`)
  ).rows.map((row) => row.line);

/** Each with what the new release sees after it, of the rows that it has touched. */
const WRITES: readonly (readonly [by: 'old' | 'new', statement: string, seen: string])[] = [
  // The first one goes: the others are second until they are written again.
  ['old', `delete from people where id = 1`, '2a+2 3b 4- 5- 6a+6'],
  ['old', `insert into people values (7, 'a'), (1, 'a')`, '1a 2a+2 3b 4- 5- 6a+6 7a+7'],
  ['old', `update people set email = 'b' where id = 6`, '1a 2a+2 3b 4- 5- 6b+6 7a+7'],
  ['old', `update people set n = 5`, '1a 2a+2 3b 4- 5- 6b+6 7a+7'],
  ['old', `update people set email = 'c' where id in (6, 7)`, '1a 2a+2 3b 4- 5- 6c 7c+7'],
  ['old', `update people set id = 8 where id = 7`, '1a 2a+2 3b 4- 5- 6c 8c+8'],
  ['old', `update people set email = null where id = 6`, '1a 2a+2 3b 4- 5- 6- 8c+8'],
  ['old', `update people set email = 'c' || id where id = 8`, '1a 2a+2 3b 4- 5- 6- 8c8'],
  ['new', `update people set n = n + 1 where id = 2`, '1a 2a+2 3b 4- 5- 6- 8c8'],
  ['new', `update people set email = 'q' where id = 8`, '1a 2a+2 3b 4- 5- 6- 8q'],
  ['new', `update people set email = 'w' where id = 2`, '1a 2w 3b 4- 5- 6- 8q'],
  ['old', `delete from people where id = 8`, '1a 2w 3b 4- 5- 6-'],
  ['old', `update people set email = 'a' where id in (2, 6)`, '1a 2a+2 3b 4- 5- 6a+6'],
];

describe('a default of duplicates', () => {
  it('is the same in every phase, and the first one keeps its value', async () => {
    const compiled = await compilePair(FROM, TO, DIRTY);
    expect(compiled.bundle.sessionLens.impossible).toContain('one_email');
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, async (asOld) => {
        await asOld.query(`insert into people
          values (1, 'a'), (2, 'a'), (3, 'b'), (4, null), (5, null), (6, 'a')`);
        const start = '1a 2a+2 3b 4- 5- 6a+6'.split(' ');
        const round = async (at: string) => {
          await withClient(shard.url, NEW_PATH, async (asNew) => {
            expect(await emails(asNew), at).toEqual(start);
            for (const [by, statement, seen] of WRITES) {
              await (by === 'old' ? asOld : asNew).query(statement);
              expect(await emails(asNew), `${at}: ${statement}`).toEqual(seen.split(' '));
            }
            expect(await emails(asOld), at).toEqual('1a 2a 3b 4- 5- 6a'.split(' '));
            for (const email of ['a', 'a+6']) {
              const taken = asNew.query(`insert into people values (9, '${email}')`);
              expect(await taken.catch(stateOf), `${at}: ${email}`).toBe('23505');
            }
          });
        };
        // Neither sees the other one; only the index of a new table tells them apart.
        const atOnce = async (at: 'prepared' | 'expanding' | 'dual') => {
          const hasTable = at !== 'prepared';
          await withClient(shard.url, null, async (other) => {
            await asOld.query(`begin; insert into people values (20, 'r')`);
            await other.query(`begin; insert into people values (22, 's')`);
            const late = other.query(`insert into people values (21, 'r')`);
            if (!hasTable) await late;
            await asOld.query('commit');
            await late;
            await other.query('commit');
          });
          await withClient(shard.url, NEW_PATH, async (asNew) => {
            const second = hasTable ? '21r+21' : '21r';
            expect((await emails(asNew)).slice(-3), at).toEqual(['20r', second, '22s']);
          });
          await asOld.query('delete from people where id >= 20');
        };
        await shard.step('prepare');
        await asOld.query(`update people set n = 0`);
        await shard.run('abort');
        await shard.run('prepare');
        await round('prepared');
        await atOnce('prepared');
        await shard.step('expand');
        await round('expanding');
        await atOnce('expanding');
        await shard.run('expand');
        await round('dual');
        await shard.run('verify');
        await atOnce('dual');
        await shard.run('abort');
        expect(await leftovers(shard.url, shard.bundle)).toEqual([]);
        await shard.run('prepare');
        await shard.run('expand');
        const { rows } = await asOld.query('select from halflap.quarantine');
        expect(rows).toEqual([]);
      });
      await shard.run('contract');
      await withClient(shard.url, NEW_PATH, async (asNew) => {
        expect(await emails(asNew)).toEqual('1a 2a+2 3b 4- 5- 6a+6'.split(' '));
      });
      expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
    } finally {
      await shard.drop();
    }
  });
});
