// Names that the engine uses too in the SQL that it writes: they are a release's to use.

import { describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const LETTERS = 'abcdefhjklmnopqrstuvwxyz'.split('');
const WORDS = ['echo', 'marker', 'moved', 'writes', 'waits', 'refused', 'patience', 'found_row'];
const COLUMNS = [...LETTERS, ...WORDS, 'key', 'reason', 'source', 'rows', 'page'].map(
  (column) => `${column} int`,
);

describe('a column', () => {
  it('may be called as the engine calls its rows and variables', () =>
    lifecycleCase({
      from: `create table t (id int primary key, g int, ${COLUMNS.join(', ')});`,
      to: `create table t (id int primary key, g bigint, ${COLUMNS.join(', ')});`,
      seed: {
        old: `insert into t values (1, 1), (2, 2)`,
        new: `insert into t values (1, 1), (2, 2)`,
      },
      writes: (n) => [
        oldWrite(`insert into t (id, g, s, echo) values (10 + ${n}, 1, 2, 3)`),
        newWrite(`insert into t (id, g, s, echo) values (100 + ${n}, 1, 2, 3)`),
        oldWrite(`update t set s = ${n}, moved = ${n} where id = 1`),
        newWrite(`update t set a = ${n}, found_row = ${n} where id = 2`),
        oldWrite(`update t set q = ${n}, waits = ${n}`),
        newWrite(`update t set t = ${n}, refused = ${n}`),
        oldWrite(`delete from t where id = 10 + ${n - 1}`),
        newWrite(`delete from t where id = 100 + ${n - 1}`),
      ],
    }));

  for (const key of [
    ['l', 's'],
    ['slice', 'k_slice'],
    ['echo', 'marker'],
    ['source', 'upper'],
  ]) {
    it(`may be so as a key: ${key.join(', ')}`, () =>
      lifecycleCase({
        from: `create table t (${key[0]} int, ${key[1]} int, v int, primary key (${key}));`,
        to: `create table t (${key[0]} int, ${key[1]} int, v bigint, primary key (${key}));`,
        seed: { old: `insert into t values (1, 1, 1)`, new: `insert into t values (1, 1, 1)` },
        writes: (n) => [
          oldWrite(`insert into t values (1000 + ${n}, 1, ${n}), (2000 + ${n}, 1, ${n})`),
          newWrite(`insert into t values (100 + ${n}, 1, ${n})`),
          oldWrite(`update t set v = v + 1 where ${key[0]} = 1`),
          newWrite(`update t set v = v + 1 where ${key[0]} = 1`),
          oldWrite(`update t set ${key[1]} = ${n + 1} where ${key[0]} = 1000 + ${n}`),
          newWrite(`update t set ${key[1]} = ${n + 1} where ${key[0]} = 100 + ${n}`),
          oldWrite(`update t set v = v + 1`),
          newWrite(`update t set v = v + 1`),
          oldWrite(`delete from t where ${key[0]} = 1000 + ${n - 1}`),
          newWrite(`delete from t where ${key[0]} = 100 + ${n - 1}`),
        ],
      }));
  }

  it('hides no difference from verify, whatever it is called', async () => {
    const columns = LETTERS.map((letter) => `${letter} int`).join(', ');
    const compiled = await compilePair(
      `create table t (id int primary key, g int, ${columns});`,
      `create table t (id int primary key, g bigint, ${columns});`,
      null,
    );
    const shard = await installShard(compiled);
    try {
      await shard.run('prepare');
      await withClient(shard.url, null, (client) => client.query('insert into t values (1, 1)'));
      await shard.run('expand');
      await withClient(shard.url, 'shop_2_0', async (client) => {
        await client.query('set session_replication_role = replica');
        await client.query('update t set g = 5');
      });
      await expect(shard.run('verify')).rejects.toMatchObject({
        code: 'VERIFY_FAILED',
        detail: { evidence: ['t (id=1): differs in g'] },
      });
    } finally {
      await shard.drop();
    }
  });
});

describe('a table', () => {
  it('may be called as the engine calls its own in the schema of an evolution', () => {
    const tables = ['old_writes', 'quarantined', 'absent_p', 'inner_p'];
    const create = (type: string) =>
      tables.map((table) => `create table ${table} (id int primary key, v ${type});`).join('\n');
    const split = `create table p (id int primary key references base on delete cascade, w int);`;
    return lifecycleCase({
      from: `${create('int')} create table base (id int primary key, v int, w int);`,
      to: `${create('bigint')} create table base (id int primary key, v int); ${split}`,
      evolution: `changes:\n  - split_table: { table: base, into: { base: {}, p: {} } }\n`,
      seed: {
        old: `insert into old_writes values (1, 1)`,
        new: `insert into old_writes values (1, 1)`,
      },
      writes: (n) =>
        tables.flatMap((table) => [
          oldWrite(`insert into ${table} values (10 + ${n}, 1)`),
          newWrite(`insert into ${table} values (200 + ${n}, 1)`),
        ]),
    });
  });

  it('may have columns whose long names differ at the end only', () => {
    const [a, b] = ['a', 'b'].map((end) => `${'long_'.repeat(12)}${end}`);
    return lifecycleCase({
      from: `create table t (id int primary key, ${a} int, ${b} int);`,
      to: `create table t (id int primary key, ${a} int not null, ${b} int not null);`,
      seed: { old: `insert into t values (1, 1, 1)`, new: `insert into t values (1, 1, 1)` },
      writes: (n) => [oldWrite(`insert into t values (10 + ${n}, 1, 1)`)],
    });
  });
});
