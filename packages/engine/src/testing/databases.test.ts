import { describe, expect, it } from 'vitest';
import { connect, sqlStateOf, withSession } from '../pg.js';
import { freshDatabase, withDatabase, withScratchServer } from './databases.js';

const query = (url: string, text: string) =>
  withSession(url, 'test', (session) => session.query(text));

describe('freshDatabase', () => {
  it('gives every caller an empty database of its own', async () => {
    const one = await freshDatabase();
    const other = await freshDatabase();
    await query(one.url, 'create table only_here ()');
    expect(await query(other.url, "select to_regclass('only_here') as found")).toEqual([
      { found: null },
    ]);
    await one.drop();
    await other.drop();
  });

  it('clones a template with its rows', async () => {
    const template = await freshDatabase();
    await query(template.url, 'create table seeds as select generate_series(1, 3) as id');
    await withDatabase(
      async (url) => {
        expect(await query(url, 'select sum(id)::int as total from seeds')).toEqual([{ total: 6 }]);
      },
      { template: template.database },
    );
    await template.drop();
  });

  it('drops a database that still has sessions, and again', async () => {
    const fresh = await freshDatabase();
    const session = await connect(fresh.url, 'test');
    await fresh.drop();
    await fresh.drop();
    await expect(session.query('select 1')).rejects.toThrow();
    await expect(query(fresh.url, 'select 1')).rejects.toMatchObject({ code: 'SHARD_UNREACHABLE' });
  });

  it('drops the database when the body fails, and passes the error on', async () => {
    let seen = '';
    const body = async (url: string) => {
      seen = url;
      await query(url, 'select * from absent');
    };
    const error = await withDatabase(body).catch((thrown: unknown) => thrown);
    expect(sqlStateOf(error)).toBe('42P01');
    await expect(query(seen, 'select 1')).rejects.toMatchObject({ code: 'SHARD_UNREACHABLE' });
  });
});

describe('withScratchServer', () => {
  it('starts no server until a database is asked for, and one server for all of them', async () => {
    const urls = await withScratchServer(async (scratch) => {
      const fresh = await Promise.all([scratch.freshDatabase(), scratch.freshDatabase()]);
      expect(await query(fresh[0].url, 'select 1 as one')).toEqual([{ one: 1 }]);
      return fresh.map(({ url }) => new URL(url));
    });
    expect(urls[0]?.host).toBe(urls[1]?.host);
    await expect(query(String(urls[0]), 'select 1')).rejects.toThrow('cannot connect');
  });

  it('passes a body that needs none', async () => {
    expect(await withScratchServer(async () => 'done')).toBe('done');
  });
});
