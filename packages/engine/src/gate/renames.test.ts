import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../compile/compile.js';
import { adviseRenames, possibleRenames } from './renames.js';
import { openReader, type Reader } from './testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

type Written = Parameters<Reader['pair']>;
const found = async (...written: Written) =>
  possibleRenames(await reader.pair(...written)).map((one) => one.change);

const OLD = 'create table hosts (id int primary key, owner text, note text, load int, gone bool);';
const NEW =
  'create table hosts (id int primary key, notes text, team text, load_avg real, hot bool);';

describe('possibleRenames', () => {
  it('pairs what goes with what comes, of one type, similar names first', async () => {
    const renames = possibleRenames(await reader.pair(OLD, NEW));
    expect(renames).toEqual([
      {
        what:
          'column note of hosts goes and column notes of hosts comes, both text, ' +
          'and the names are alike',
        change: '- rename_column: { table: hosts, column: note, to: notes }',
      },
      {
        what: 'column owner of hosts goes and column team of hosts comes, both text',
        change: '- rename_column: { table: hosts, column: owner, to: team }',
      },
      expect.objectContaining({
        change: '- rename_column: { table: hosts, column: gone, to: hot }',
      }),
    ]);
  });

  it('asks nothing about what is stated', async () => {
    expect(
      await found(OLD, NEW, [
        'rename_column: { table: hosts, column: owner, to: notes }',
        'drop_column: { table: hosts, column: gone, down: "false" }',
        'add_column: { table: hosts, column: team, up: note }',
      ]),
    ).toEqual([]);
  });

  it('asks about a label where one goes and one comes', async () => {
    const table = 'create table t (id int primary key, m mood, past mood[]);';
    const mood = (labels: string) => `create type mood as enum (${labels}); ${table}`;
    const [before, after] = [mood("'sad', 'glad'"), mood("'happy', 'sad'")];
    const change = 'rename_label: { type: mood, label: glad, to: happy }';
    expect(await found(before, after)).toEqual([`- ${change}`]);
    expect(await found(before, after, [change])).toEqual([]);
    expect(await found(before, mood("'happy', 'sad', 'bored'"))).toEqual([]);
    expect(await found(before, table.replaceAll('mood', 'text'))).toEqual([]);
  });

  it('finds tables with the same columns, whatever their order', async () => {
    expect(
      await found(
        'create table "all hosts" (id int primary key, name varchar(9)); create table x (a int);',
        'create table machines (name varchar(9), id int primary key); create table y (b int);',
      ),
    ).toEqual(['- rename_table: { table: all hosts, to: machines }']);
  });

  it('minds the collation, keys and what a part generates', async () => {
    const split =
      'split_table: { table: t, into: { t: {}, ' +
      'u: { key: { t_id: id }, generate: [id], when: b is not null } } }';
    expect(
      await found(
        'create table t (id int primary key, n int, a text collate "C", b text);',
        'create table t (id int primary key, a2 text);' +
          'create table u (id serial primary key, t_id int unique, b text not null, m int);',
        [split],
      ),
    ).toEqual(['- rename_column: { table: t, column: n, to: m }']);
    expect(
      await found(
        'create table t (id int primary key, n int, b text);',
        'create table t (id int primary key);' +
          'create table u (t_id int primary key references t, b text not null);',
        ['split_table: { table: t, into: { t: {}, u: { when: b is not null } } }'],
      ),
    ).toEqual([]);
  });
});

describe('possibleRenames beside a split that is not stated', () => {
  it('names no column that only the split would lead to', async () => {
    const from = 'create table t (id int primary key, a text, b_reason text, c text, d int);';
    const to =
      'create table t (id int primary key, a text, d2 int);' +
      'create table u (t_id int primary key references t, c text, reason text);';
    expect(await found(from, to)).toEqual([]);
    expect(await found(from, to, ['split_table: { table: t, into: { t: {}, u: {} } }'])).toEqual([
      '- rename_column: { table: t, column: b_reason, to: reason }',
      '- rename_column: { table: t, column: d, to: d2 }',
    ]);
  });
});

describe('adviseRenames', () => {
  it('adds the rename to an error about a column without a value', async () => {
    const pair = await reader.pair(
      'create table hosts (id int primary key, owner text not null);',
      'create table hosts (id int primary key, team text not null);',
    );
    const error = (() => {
      try {
        return compile({ app: 'shop', ...pair });
      } catch (thrown) {
        return adviseRenames(thrown, pair);
      }
    })();
    expect(error).toMatchObject({
      code: 'EVOLUTION_INCOMPLETE',
      hint: expect.stringMatching(
        /add_column: .*; or is it a rename\? - rename_column: .* column: owner, to: team \}$/,
      ),
      cause: expect.any(HalflapError),
    });
    const other = new Error('other');
    expect(adviseRenames(other, pair)).toBe(other);
  });
});
