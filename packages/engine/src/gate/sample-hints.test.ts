import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Hint, hintsFor } from './sample-hints.js';
import { openReader, type Reader } from './testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

/** What rows of the old release are to hold: `kind: a, b; owner: disks.id`, by table. */
async function hints(from: string, to: string, change: string): Promise<Record<string, string>> {
  const input = { app: 'shop', ...(await reader.pair(from, to, [change])) };
  const textOf = ({ texts, like }: Hint) =>
    [...new Set([...texts, ...like.map((one) => `${one.table}.${one.column}`)])].join(', ');
  return Object.fromEntries(
    [...hintsFor(input, 'from')].map(([table, columns]) => [
      table,
      [...columns].map(([column, hint]) => `${column}: ${textOf(hint)}`).join('; '),
    ]),
  );
}

describe('hintsFor', () => {
  it('tells the values of conditions', async () => {
    const found = await hints(
      'create table events (id int primary key, kind text);',
      'create table a (id int primary key); create table b (id int primary key);',
      `partition_rows: { table: events, into: { a: { when: kind = 'x', values: { kind: "'x'" } },
          b: { when: "kind in ('y', 'z')", values: { kind: "'y'" } } } }`,
    );
    expect(found).toEqual({ events: 'kind: x, y, z' });
  });

  it('tells the rows that a query joins, and what it yields', async () => {
    const found = await hints(
      `create table disks (id int primary key, name text);
       create table labels (owner int, kind text, value text, primary key (owner, kind));`,
      'create table disks (id int primary key, name text, colour text);',
      `custom:
      from:
        disks: { slice: id, query: "select id, name from disks" }
        labels:
          slice: owner
          query: "select id as owner, 'colour' as kind, colour as value from disks"
      into:
        disks:
          slice: id
          query: >-
            select d.id, d.name, l.value as colour
            from disks as d left join labels as l on l.owner = d.id and l.kind = 'colour'`,
    );
    expect(found).toEqual({ labels: 'owner: disks.id; kind: colour' });
  });

  it('tells rows to which all others refer, and columns that must be equal', async () => {
    const found = await hints(
      `create table domain (id text primary key);
       create table project (id text primary key,
         domain_id text not null unique references domain);`,
      `create table project (id text primary key, domain_id text references project);`,
      `custom:
      from:
        domain: { slice: id, query: select id from project where domain_id is null }
        project: { slice: id, query: "select p.id, p.id as domain_id from project as p" }
      into:
        project: { slice: id, query: "select id, 'root' as domain_id from domain" }`,
    );
    expect(found).toEqual({ domain: 'id: root', project: 'id: domain.id' });
  });
});
