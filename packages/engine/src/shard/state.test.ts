import { describe, expect, it } from 'vitest';
import { withSession } from '../pg.js';
import { withDatabase } from '../testing/databases.js';
import { writeStateSchema } from './state.js';

describe('writeStateSchema', () => {
  it('completes what another version wrote, and leaves its own alone', async () => {
    await withDatabase((url) =>
      withSession(url, 'test', async (session) => {
        const write = () => session.transaction(() => writeStateSchema(session));
        const written = () =>
          session.query(`select p.xmin::text, p.proname from pg_proc p
            where p.pronamespace = 'halflap'::regnamespace order by p.proname`);
        await write();
        const first = await written();
        await write();
        expect(await written()).toEqual(first);

        await session.query(`drop function halflap.release_lease(uuid);
          comment on schema halflap is 'State of Halflap, written by another version.'`);
        await write();
        const names = (rows: Record<string, unknown>[]) => rows.map((row) => row.proname);
        expect(names(await written())).toEqual(names(first));
      }),
    );
  });
});
