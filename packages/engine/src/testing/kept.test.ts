import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { serverUser, temporaryRoot } from './installation.js';
import { startKept } from './kept.js';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(await temporaryRoot(await serverUser()), 'halflap-kept-'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const query = (url: string, text: string) =>
  withSession(url, 'test', (session) => session.query(text));

describe('startKept', () => {
  it('keeps the data, and takes over a server whose starter was killed', async () => {
    const home = join(directory, 'postgres');
    const first = await startKept(home);
    for (const _ of [1, 2]) await first.ensureDatabase('shard');
    await query(first.url('shard'), 'create table kept as select 1 as one');
    // Whoever was killed has stopped nothing.
    const second = await startKept(home);
    expect(second.url('postgres')).toBe(first.url('postgres'));
    await second.stop();
    await expect(query(first.url('postgres'), 'select 1')).rejects.toThrow();
    const third = await startKept(home);
    try {
      expect(await query(third.url('shard'), 'select one from kept')).toEqual([{ one: 1 }]);
    } finally {
      await third.stop();
      await third.stop();
    }
  });
});
