import { beforeAll, describe, expect, it } from 'vitest';
import { comparisonsIn } from './comparisons.js';
import { loadParser } from './expression.js';

beforeAll(loadParser);

describe('comparisonsIn', () => {
  it('sees what columns are compared with, by the tables behind their aliases', () => {
    const { compared } = comparisonsIn(
      `select 1 from labels as l join disks d on l.owner = d.id
       where l.kind = 'disk'::text and size in (1, -2) and l.size + 1 > 0 and d.ok <> false`,
    );
    expect(compared).toEqual([
      {
        columns: [
          { table: 'labels', column: 'owner' },
          { table: 'disks', column: 'id' },
        ],
        texts: [],
      },
      { columns: [{ table: 'labels', column: 'kind' }], texts: ['disk'] },
      { columns: [{ table: null, column: 'size' }], texts: ['1', '-2'] },
      { columns: [{ table: 'labels', column: 'size' }], texts: ['1'] },
      { columns: [{ table: 'disks', column: 'ok' }], texts: ['false'] },
    ]);
  });

  it('sees the constants of a list of values, and those that are yielded', () => {
    const { compared, yielded, copies } = comparisonsIn(
      `select 'root' as kind, s.id, s.id as owner from settings as s
       join (values ('a', 1), ('b', 2)) as m(name, number) on m.name = s.name`,
    );
    expect(compared).toEqual([
      {
        columns: [
          { table: 'm', column: 'name' },
          { table: 'settings', column: 'name' },
        ],
        texts: ['a', 'b'],
      },
    ]);
    expect([...yielded]).toEqual([['kind', ['root']]]);
    expect([...copies]).toEqual([
      ['id', 's.id'],
      ['owner', 's.id'],
    ]);
  });
});
