// Writers of either release on a few slices of many rows.
//
// Writers of the old release do what never fails nor waits for ever in a database of their own:
// where several write the same old row they go in the order of its key, and where they go in any
// order each has rows of its own, which meet in one row of the new release alone.

import type { Client } from '../evolving/databases.js';
import { type Account, HOT, type Release, STRICT, type Unit, unit } from './account.js';
import type { Writer } from './load.js';

/** Elements of each, of which every writer of rows has its own. */
export const PLACES = 6;

/** A place that only one writer of rows writes, whose snapshot nobody may outdate. */
const UNTOUCHED = 3;

/** Elements in one row: n, scores by place, and a set of tags. */
export function flatWriters(account: Account, release: Release): Writer[] {
  const placeOf = (turn: number, salt: number) => {
    const place = 1 + account.pick(turn, salt + 50, PLACES);
    return place === UNTOUCHED ? PLACES : place;
  };
  const add = 'update orders set scores[$2] = scores[$2] + 1 where id = $1';
  const score = (salt: number): Unit => ({
    release,
    name: `scores ${salt}`,
    work: async (client, turn) => {
      const [id, place] = [1 + account.pick(turn, salt), placeOf(turn, salt)];
      await client.query(add, [id, place]);
      return [`score ${id}/${place}`];
    },
  });
  const several = (salt: number, begin: string): Unit => ({
    release,
    name: `several of flat rows ${salt}`,
    begin,
    work: async (client, turn) => {
      const ids = account.some(turn, salt).slice(0, begin === STRICT ? 1 : 2);
      if (release === 'old') ids.sort((one, two) => one - two);
      const place = placeOf(turn, salt);
      for (const id of ids) await client.query(add, [id, place]);
      return ids.map((id) => `score ${id}/${place}`);
    },
  });
  const units: Unit[] = [
    score(1),
    several(3, 'begin'),
    ...(release === 'new' ? [several(4, STRICT)] : []),
    {
      release,
      name: 'n of flat rows',
      work: async (client, turn) => {
        const id = 1 + account.pick(turn, 5);
        await client.query('update orders set n = n + 1 where id = $1', [id]);
        return [`n ${id}`];
      },
    },
    {
      release,
      name: 'elements of flat rows',
      work: async (client, turn) => {
        const gone = turn - (turn % 3);
        const isAdded = turn % 3 !== 0;
        const id = isAdded ? 1 + account.pick(turn, 6) : 1 + account.pick(gone - 2, 6);
        const tag = `${release} flat ${isAdded ? turn : gone - 2}`;
        const change = isAdded ? 'array_append' : 'array_remove';
        // In the order of their values, as the new release must keep what it knows as a set.
        await client.query(
          `update orders set tags = array(select unnest(${change}(tags, $2)) order by 1)
           where id = $1`,
          [id, tag],
        );
        return [`${isAdded ? '' : '-'}tag ${id} ${tag}`];
      },
    },
    {
      release,
      name: 'flat rows',
      work: async (client, turn) => {
        const id = (release === 'old' ? 100_000 : 200_000) + turn;
        await client.query(
          `insert into orders (id, title, scores, tags) values ($1, 'r', '{1,2}', '{a,b}')`,
          [id],
        );
        if (turn % 3 === 0) await client.query('delete from orders where id = $1', [id]);
        return turn % 3 === 0 ? [] : [`tag ${id} a`, `tag ${id} b`];
      },
    },
  ];
  return units.map((one) => unit(account, 'orders', one));
}

/** The same as rows: each writer of scores has a place of its own, and goes in no order. */
export function rowWriters(account: Account, release: Release): Writer[] {
  const several = (place: number, begin: string): Unit => ({
    release,
    name: `scores at ${place}`,
    begin,
    work: async (client, turn) => {
      const ids = account.some(turn, place);
      for (const id of ids) {
        await client.query(
          'update scores set score = score + 1 where order_id = $1 and place = $2',
          [id, place],
        );
      }
      return ids.map((id) => `score ${id}/${place}`);
    },
  });
  const units: Unit[] = [
    several(1, 'begin'),
    several(UNTOUCHED, STRICT),
    {
      release,
      name: 'scores in one statement',
      work: async (client, turn) => {
        const ids = account.some(turn, 10);
        await client.query(
          'update scores set score = score + 1 where order_id = any ($1) and place = 4',
          [ids],
        );
        return ids.map((id) => `score ${id}/4`);
      },
    },
    {
      release,
      name: 'n and scores',
      work: async (client, turn) => {
        const [one, two] = [1 + account.pick(turn, 11), 1 + account.pick(turn, 12)];
        await client.query(
          'update scores set score = score + 1 where order_id = $1 and place = 5',
          [one],
        );
        await client.query('update orders set n = n + 1 where id = $1', [two]);
        return [`score ${one}/5`, `n ${two}`];
      },
    },
    {
      release,
      name: 'elements as rows',
      work: async (client, turn) => {
        const isAdded = turn % 3 !== 0;
        const id = 1 + account.pick(isAdded ? turn : turn - 2, 13);
        const tag = `${release} row ${isAdded ? turn : turn - 2}`;
        await client.query(
          isAdded
            ? 'insert into tags (order_id, tag) values ($1, $2)'
            : 'delete from tags where order_id = $1 and tag = $2',
          [id, tag],
        );
        return [`${isAdded ? '' : '-'}tag ${id} ${tag}`];
      },
    },
    {
      release,
      name: 'rows with rows',
      work: async (client, turn) => {
        const id = (release === 'old' ? 100_000 : 200_000) + turn;
        await client.query(`insert into orders (id, title) values ($1, 'r')`, [id]);
        await client.query(`insert into tags values ($1, 'a'), ($1, 'b')`, [id]);
        if (turn % 3 === 0) await client.query('delete from orders where id = $1', [id]);
        return turn % 3 === 0 ? [] : [`tag ${id} a`, `tag ${id} b`];
      },
    },
  ];
  return units.map((one) => unit(account, 'orders', one));
}

/** Rows of one table, or of two. */
export function shareWriters(
  account: Account,
  release: Release,
  form: 'whole' | 'shares',
): Writer[] {
  const count = async (client: Client, id: number, table: string) => {
    const text = `update ${table} set n = n + 1 where id = $1`;
    return (await client.query(text, [id])).rowCount === 1 ? [`n ${id}`] : [];
  };
  const tables = form === 'whole' ? ['events'] : ['logins', 'clicks'];
  const counted = async (client: Client, id: number) => {
    const all: string[] = [];
    for (const table of tables) all.push(...(await count(client, id, table)));
    return all;
  };
  const counter = (salt: number): Unit => ({
    release,
    name: `counter ${salt}`,
    work: (client, turn) => counted(client, 1 + account.pick(turn, salt)),
  });
  const moved = async (client: Client, id: number) => {
    if (form === 'whole') {
      await client.query(
        `update events set kind = case kind when 'login' then 'click' else 'login' end
         where id = $1`,
        [id],
      );
      return [];
    }
    const gone = await client.query('delete from logins where id = $1 returning n', [id]);
    if (gone.rowCount === 0) return [];
    await client.query(`insert into clicks values ($1, $2)`, [id, gone.rows[0]?.n]);
    return [];
  };
  const units: Unit[] = [
    counter(1),
    counter(2),
    {
      release,
      name: 'several',
      ...(release === 'new' ? { begin: STRICT } : {}),
      work: async (client, turn) => {
        const ids = account.some(turn, 3).sort((one, two) => one - two);
        const all: string[] = [];
        for (const id of ids) all.push(...(await counted(client, id)));
        return all;
      },
    },
    {
      release,
      name: 'moves',
      work: (client, turn) => moved(client, 1 + account.pick(turn, 4)),
    },
    {
      release,
      name: 'rows',
      work: async (client, turn) => {
        const id = (release === 'old' ? 100_000 : 200_000) + turn;
        const [insert, table] =
          form === 'whole'
            ? [`insert into events values ($1, 'click', 7)`, 'events']
            : ['insert into clicks values ($1, 7)', 'clicks'];
        await client.query(insert, [id]);
        if (turn % 3 === 0) await client.query(`delete from ${table} where id = $1`, [id]);
        return turn % 3 === 0 ? [] : Array.from({ length: 7 }, () => `n ${id}`);
      },
    },
  ];
  return units.map((one) => unit(account, tables[0] ?? '', one));
}

/** Children of each of the hot parents, of which every old writer has its own. */
export const CHILDREN = 5;
/** From here on parents have one child, whose value the lens can change row by row. */
export const ALONE = HOT + 10;

/** The parent's value is told by the last one who wrote it; counters stand on both. */
export function moveWriters(account: Account, release: Release): Writer[] {
  const child = (parent: number, place: number) => (parent - 1) * CHILDREN + place;
  const children = (place: number, begin: string): Unit => ({
    release,
    name: `children at ${place}`,
    begin,
    work: async (client, turn) => {
      const ids = account.some(turn, place).map((id) => child(id, place));
      for (const id of ids) {
        await client.query('update children set n = n + 1 where id = $1', [id]);
      }
      return ids.map((id) => `child ${id}`);
    },
  });
  const units: Unit[] = [
    // No two write the same rows, and still they meet in one slice.
    children(release === 'old' ? 1 : 3, 'begin'),
    children(release === 'old' ? 2 : 4, STRICT),
    {
      release,
      name: 'parents',
      work: async (client, turn) => {
        const id = 1 + account.pick(turn, 4);
        await client.query('update parents set n = n + 1 where id = $1', [id]);
        return [`parent ${id}`];
      },
    },
    {
      release,
      name: 'value',
      work: async (client, turn) => {
        const id = ALONE + account.pick(turn, 5);
        const text =
          release === 'old'
            ? 'update parents set x = x + 1 where id = $1'
            : 'update children set x = x + 1 where parent = $1';
        await client.query(text, [id]);
        return [`x ${id}`];
      },
    },
    ...(release === 'new'
      ? []
      : [
          {
            release,
            name: 'value of several',
            work: async (client: Client, turn: number) => {
              const id = 1 + account.pick(turn, 6);
              await client.query('update parents set x = x + 1 where id = $1', [id]);
              return [`x ${id}`];
            },
          },
        ]),
    {
      release,
      name: 'children that come and go',
      work: async (client, turn) => {
        const id = (release === 'old' ? 100_000 : 200_000) + turn;
        // Of a parent whose value nobody changes.
        const parent = HOT + 1 + account.pick(turn, 6, 3);
        await client.query(
          release === 'old'
            ? 'insert into children (id, parent, n) values ($1, $2, 1)'
            : 'insert into children (id, parent, n, x) values ($1, $2, 1, 0)',
          [id, parent],
        );
        if (turn % 3 === 1) {
          await client.query('update children set parent = $2 where id = $1', [id, HOT + 4]);
        }
        if (turn % 3 === 0) await client.query('delete from children where id = $1', [id]);
        return turn % 3 === 0 ? [] : [`child ${id}`];
      },
    },
  ];
  return units.map((one) => unit(account, 'parents', one));
}
