// What somebody has made on an old table outside of any release.

import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard } from '../evolving/shard.js';

describe('contract', () => {
  it('takes nothing along that depends on an old table, and says what is in its way', async () => {
    const compiled = await compilePair(
      `create table t (id int primary key, v int, parent int references t (id));
       create sequence numbers; create sequence others;
       create table gone (id int primary key default nextval('numbers'), t int references t (id));`,
      `create sequence others;
       create table t (id int primary key, v bigint, parent int references t (id));`,
      null,
    );
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, async (client) => {
        await client.query(`insert into t values (1, 1);
          create schema reports; create view reports.all_of_t as select * from t;
          create view reports.again as select id from reports.all_of_t;
          create table reports.noted (t int references t (id), gone int references gone (id));
          create table reports.numbered (
            id int default nextval('numbers'), o int default nextval('others'));
          create function reports.count_gone() returns bigint
            begin atomic select count(*) from gone; end;`);
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);
        const refused = await shard.run('contract').catch((error: unknown) => error);
        expect(refused).toMatchObject({
          code: 'STEP_FAILED',
          message: expect.stringMatching(/function reports.count_gone\(\), view reports.all_of_t/),
        });
        expect(String(refused)).toMatch(/noted_t_fkey on table reports.noted/);
        expect(String(refused)).toMatch(/default value for column id of table reports.numbered/);
        expect(String(refused)).not.toMatch(/column o of/);
        expect((await client.query('select phase from halflap.shard')).rows[0]).toEqual({
          phase: 'dual',
        });
        await client.query(`drop function reports.count_gone; drop table reports.noted;
          alter table reports.numbered alter column id drop default;
          drop view reports.all_of_t cascade`);
        await shard.run('contract');
      });
      expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
    } finally {
      await shard.drop();
    }
  });
});
