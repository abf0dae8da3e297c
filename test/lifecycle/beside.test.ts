// What is kept beside old rows while nothing is synced: it ends with what it belongs to, whatever
// the old release, which knows nothing of it, writes in between.

import { describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

const OLD = `create table items (id int primary key, name text, status text not null default 'ok',
  note text);`;
const NEW = `create table items (id int primary key, name text);
  create table states (item int primary key references items (id) on delete cascade,
    status text not null default 'ok');
  create table notes (item int primary key references items (id) on delete cascade,
    note text not null, color text not null default 'red');`;
const EVOLUTION = `changes:
  - split_table:
      table: items
      into:
        items: {}
        states: { key: { item: id } }
        notes: { key: { item: id }, when: note is not null }
`;

describe('what is kept beside an old row', () => {
  it('ends when the old release takes or brings what it belongs to', async () => {
    const shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
    try {
      await withClient(shard.url, null, (old) =>
        withClient(shard.url, NEW_PATH, async (fresh) => {
          const seen = async () => {
            const { rows } = await fresh.query(`select i.id, s.status, n.note, n.color
              from items i
              left join states s on s.item = i.id
              left join notes n on n.item = i.id
              order by i.id`);
            return rows.map((row) => Object.values(row).join(' '));
          };
          await old.query(`insert into items (id, note) values (1, 'a'), (2, 'b'), (3, 'c')`);
          await shard.run('prepare');
          await fresh.query(`delete from states where item in (1, 2);
            update notes set color = 'blue'`);
          expect(await seen()).toEqual(['1  a blue', '2  b blue', '3 ok c blue']);
          // To another value and back: the row has been there, and is.
          await old.query(`update items set status = 'down' where id = 1`);
          await old.query(`update items set status = 'ok', name = 'x' where id <= 2`);
          // Without a note and with one again: it is another one.
          await old.query('update items set note = null where id = 3');
          await old.query(`update items set note = 'd' where id = 3`);
          // Nothing that it hangs on.
          await old.query(`update items set note = 'e', name = 'y' where id = 2`);
          const end = ['1 ok a blue', '2  e blue', '3 ok d red'];
          expect(await seen()).toEqual(end);
          // Left behind, it would be a row of the new layout that nothing accounts for.
          await old.query('update items set note = null where id = 1');
          await shard.run('expand');
          expect(await seen()).toEqual(['1 ok  ', ...end.slice(1)]);
        }),
      );
    } finally {
      await shard.drop();
    }
  });
});
