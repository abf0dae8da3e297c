// What others see while a shard moves: every visible state at once, and none between two states.
//
// | promised                                                                                    |
// |---------------------------------------------------------------------------------------------|
// | what stands under the names of both releases changes in one transaction with the phase      |
// | but abort: the new release is refused at its begin, the phase follows when it has ended     |
// | a statement ends on the relations that it has found, and its answer is the same on all      |
//
// Not promised: that two statements of one transaction find the same relations, since PostgreSQL
// looks names up one by one, in the newest catalogue; and anything of the schemas beside these,
// where things wait to be dropped.
//
// The shard waits for a look of each observer after every step, so that no state between two steps
// is missed.

import { describe, expect, it } from 'vitest';
import { openClient, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  WAREHOUSE_VIEWS,
  warehouseRows,
} from '../evolving/warehouse.js';

/** A second table that is rebuilt; one that stays, one that goes, one that comes. */
const OLD = `${WAREHOUSE_OLD}create table tags (id int primary key, v int);
  create table plain (id int primary key); create table gone (id int primary key);`;
const NEW = `${WAREHOUSE_NEW}create table tags (id int primary key, v bigint);
  create table plain (id int primary key); create table extra (id int primary key);`;

/** One statement, thus one snapshot: `schema(table:kind …)` of both releases, and the phase. */
const LOOK = `select concat_ws(' ', s.phase, s.floor, (
    select string_agg(format('%s(%s)', one.schema, one.relations), ' ' order by one.schema)
    from (
      select n.nspname as schema, string_agg(c.relname || ':' || case
          when d.description like 'Halflap tombstone%' then 'x' else c.relkind::text
        end, ' ' order by c.relname) as relations
      from pg_namespace n
      join pg_class c on c.relnamespace = n.oid and c.relkind in ('r', 'v')
      left join pg_description d on d.objoid = c.oid and d.objsubid = 0
        and d.classoid = 'pg_class'::regclass
      where n.nspname in ('public', 'shop_2_0')
      group by n.nspname
    ) as one)) as seen
  from halflap.shard s`;

const HOME = 'public(gone:r items:r places:r plain:r tags:r)';
const FENCED_HOME = 'public(gone:x items:x places:x plain:r tags:x)';
const LENS = 'shop_2_0(extra:r items:v notes:v places:v tags:v)';
const NATIVE = 'shop_2_0(extra:r items:r notes:r places:v tags:r)';
const REFUSED = 'shop_2_0(extra:x items:x notes:x places:x tags:x)';
const OWN = 'shop_2_0(extra:r items:r notes:r places:r tags:r)';

const THERE = [
  `prepared 1.0 ${HOME} ${LENS}`,
  `expanding 1.0 ${HOME} ${LENS}`,
  `dual 1.0 ${HOME} ${NATIVE}`,
];
const STATES = [
  `settled 1.0 ${HOME}`,
  ...THERE,
  `dual 1.0 ${HOME} ${REFUSED}`,
  `settled 1.0 ${HOME} ${REFUSED}`,
  ...THERE,
  `contracting 1.0 ${FENCED_HOME} ${OWN}`,
  `settled 2.0 ${FENCED_HOME} ${OWN}`,
];

interface Observer {
  /** Answers, each that differs from the one before it. */
  readonly seen: readonly string[];
  /** Resolves after one look that began after the call. */
  looked(): Promise<void>;
  stop(): Promise<void>;
}

/** Asks the same again and again; an error is an answer too, by its SQLSTATE. */
async function observe(url: string, path: string | null, statement: string): Promise<Observer> {
  const client = await openClient(url, path);
  const seen: string[] = [];
  let looks = 0;
  let isOver = false;
  let listeners: { readonly after: number; readonly tell: () => void }[] = [];
  const look = async () => {
    const answer = await client.query(statement).then(({ rows }) => JSON.stringify(rows), stateOf);
    if (answer !== seen.at(-1)) seen.push(answer);
    looks += 1;
    for (const one of listeners) if (one.after < looks) one.tell();
    listeners = listeners.filter((one) => one.after >= looks);
  };
  await look();
  const looking = (async () => {
    while (!isOver) await look();
  })();
  looking.catch(() => {});
  return {
    seen,
    looked: () =>
      Promise.race([
        looking,
        // The look that is under way has begun before.
        new Promise<void>((tell) => listeners.push({ after: looks + 1, tell })),
      ]),
    async stop() {
      isOver = true;
      await looking;
      await client.end();
    },
  };
}

const digest = (query: string) =>
  `select count(*) || ' rows ' || md5(string_agg(q::text, ',' order by q.id)) from (${query}) as q`;

describe('a shard that moves', () => {
  it('shows every state at once, and gives both releases one answer to a question', async () => {
    const shard = await installShard(await compilePair(OLD, NEW, WAREHOUSE_CHANGES));
    await withClient(shard.url, null, (client) => client.query(warehouseRows(50)));
    const catalogue = await observe(shard.url, null, LOOK);
    const old = await observe(shard.url, null, digest(WAREHOUSE_VIEWS.old));
    const fresh = await observe(shard.url, NEW_PATH, digest(WAREHOUSE_VIEWS.new));
    const observers = [catalogue, old, fresh];
    try {
      for (const verb of ['prepare', 'expand', 'abort', 'prepare', 'expand', 'contract'] as const) {
        for (let isOver = false; !isOver; ) {
          isOver = !(await shard.step(verb));
          await Promise.all(observers.map((one) => one.looked()));
        }
      }
    } finally {
      await Promise.all(observers.map((one) => one.stop()));
    }
    const states = catalogue.seen.map((one) => (JSON.parse(one) as { seen: string }[])[0]?.seen);
    expect(states).toEqual(STATES);
    const rows = old.seen[0];
    expect(rows).toContain('50 rows');
    expect(old.seen).toEqual([rows, 'HL002']);
    // Before the first prepare it lacks tables, or columns of the tables that it finds.
    const served = fresh.seen.filter((one) => one !== '42P01' && one !== '42703');
    expect(served).toEqual([rows, 'HL002', rows]);
    expect(fresh.seen.slice(-served.length)).toEqual(served);
    await shard.drop();
  });
});
