import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, withSession } from './pg.js';
import { type FreshDatabase, freshDatabase } from './testing/index.js';

const PASSWORD = 'hunter2';

let database: FreshDatabase;
let role: string;
beforeAll(async () => {
  database = await freshDatabase();
  role = `${database.database}_role`;
  await withSession(database.url, 'test', async (session) => {
    await session.query(`create role ${role} login password '${PASSWORD}'`);
    await session.query(`revoke connect on database ${database.database} from public`);
  });
});
afterAll(async () => {
  await withSession(database.url, 'test', (session) => session.query(`drop role ${role}`));
  await database.drop();
});

/** The URL of the test's database with something else in it. */
function urlWith(change: Partial<URL>): string {
  return Object.assign(new URL(database.url), change).href;
}

describe('connect', () => {
  it.each([
    ['a wrong password', { password: 'wrong' }, '28P01', 'correct the password'],
    ['no password', { password: '' }, undefined, 'correct the password'],
    ['a role that is not there', { username: 'nobody_here' }, '28P01', 'correct the password'],
    ['a database that is not there', { pathname: '/nowhere' }, '3D000', 'correct the database'],
    ['a port where nobody listens', { port: '1' }, 'ECONNREFUSED', 'start PostgreSQL there'],
    ['a host that nobody knows', { hostname: 'db.invalid' }, 'ENOTFOUND', 'correct the host'],
  ])('says for %s what was tried and what to do', async (_, change, code, advice) => {
    const url = urlWith(change);
    const { hostname, port, pathname, username } = new URL(url);
    const [name, user] = [pathname.slice(1), username];
    const error = await failureOf(url);
    expect(error).toMatchObject({ code: 'SHARD_UNREACHABLE', exitCode: 4 });
    expect(error.message).toContain(
      `cannot connect to ${hostname}:${port}, database ${name}, as ${user}: `,
    );
    const again = `psql -h ${hostname} -p ${port} -d ${name} -U ${user} tries the same`;
    expect(error.hint).toMatch(new RegExp(`^${advice}.*; ${again}$`));
    if (code !== undefined) expect(error.cause).toMatchObject({ code });
    expect(error.message + error.hint).not.toContain(new URL(database.url).password);
  });

  it('tells a role that may not connect which rights it lacks', async () => {
    const error = await failureOf(urlWith({ username: role, password: PASSWORD }));
    expect(error.message).toContain('permission denied for database');
    expect(error.hint).toContain('with CONNECT on the database');
    expect(error.message + error.hint).not.toContain(PASSWORD);
  });

  it('refuses a url that it does not understand, without quoting it', async () => {
    const error = await failureOf(`postgres://u:${PASSWORD}@[/d`);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
    expect(error.message + error.hint).not.toContain(PASSWORD);
  });
});

async function failureOf(url: string): Promise<HalflapError> {
  try {
    await (await connect(url, 'test')).end();
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
  throw new Error('it connected');
}
