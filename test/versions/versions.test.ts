// Every major release of PostgreSQL that Halflap promises: one evolution with a bit of everything
// is taken forth and back and to the end on a server of it. Once the bundle comes from the same
// server; once from another major, as with a vendor whose customers run something else. So is one
// with the kinds of change that carry by slices, by keys that are drawn, and beside the row.

import {
  findInstallations,
  type PostgresInstallation,
  type PostgresServer,
  SUPPORTED_MAJORS,
  startPostgres,
  useServer,
  withPostgres,
} from '@halflap/engine/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { WAREHOUSE_CHANGES, WAREHOUSE_NEW, WAREHOUSE_OLD } from '../evolving/warehouse.js';
import {
  type LifecycleCase,
  lifecycleCase,
  newWrite,
  oldWrite,
} from '../lifecycle/lifecycle-case.js';
import { KINDS } from './kinds.js';

/** What the two releases share, and what majors print in different ways. */
const SHARED = `create type kind as enum ('open', 'closed');
create domain caption as text check (value <> '');
create table shelves (
  id int generated always as identity primary key,
  place int references places (id) on delete set null,
  kind kind not null default 'open',
  caption caption,
  width numeric(10, 2) not null check (width between 0.5 and 99),
  area numeric generated always as (width * 2) stored,
  tags text[] not null default '{}',
  unique (caption, kind)
);
create index shelves_caption on shelves (lower(caption)) include (kind) where kind <> 'closed';
create view wide_shelves as select id, caption from shelves where width > 50 and kind = 'open';
`;

const WAREHOUSE: LifecycleCase = {
  from: WAREHOUSE_OLD + SHARED,
  to: WAREHOUSE_NEW + SHARED,
  evolution: WAREHOUSE_CHANGES,
  seed: {
    old: `insert into places values (1, 'hall', 0), (2, 'attic', 3);
      insert into items (place, name, size, note)
      values (1, 'box', 4, 'heavy'), (null, 'bag', null, null), (2, 'pot', 9, null);
      insert into shelves (place, caption, width) values (1, 'left', 60), (2, null, 2);`,
    new: `insert into places values (1, 'hall', 0), (2, 'attic', 3);
      insert into items (place, title, bytes) values (1, 'box', 4096), (null, 'bag', null),
        (2, 'pot', 9216);
      insert into notes values (1, 'heavy');
      insert into shelves (place, caption, width) values (1, 'left', 60), (2, null, 2);`,
  },
  writes: (n) => [
    oldWrite(
      `insert into items (id, place, name, size, note) values (${n}00, 1, 'old ${n}', ${n}, 'n')`,
      `with item as (insert into items (id, place, title, bytes)
         values (${n}00, 1, 'old ${n}', ${n} * 1024) returning id)
       insert into notes select id, 'n' from item`,
    ),
    newWrite(
      `insert into items (id, place, title, bytes) values (${n}01, 2, 'new ${n}', 2048)`,
      `insert into items (id, place, name, size) values (${n}01, 2, 'new ${n}', 2)`,
    ),
    newWrite(
      `insert into notes values (${n}01, 'of the new')`,
      `update items set note = 'of the new' where id = ${n}01`,
    ),
    oldWrite(
      `update items set name = name || '!', size = size + 1 where id in (1, ${n - 1}00, ${n}00)`,
      `update items set title = title || '!', bytes = bytes + 1024
       where id in (1, ${n - 1}00, ${n}00)`,
    ),
    newWrite(
      `update items set bytes = 7168 where id in (2, ${n - 1}01)`,
      `update items set size = 7 where id in (2, ${n - 1}01)`,
    ),
    newWrite(`delete from items where id = ${n - 2}00`),
    oldWrite(
      `insert into places (id, label) values (${n} + 10, 'place ${n}')`,
      `insert into places (id, title) values (${n} + 10, 'place ${n}')`,
    ),
    newWrite(
      `update places set title = 'renamed ${n}', is_open = false where id = ${n} + 10`,
      `update places set label = 'renamed ${n}' where id = ${n} + 10`,
    ),
    oldWrite(
      `insert into shelves (place, caption, width) values (${n} + 10, 'old ${n}', 50 + ${n} % 9)`,
    ),
    newWrite(
      `update shelves set tags = tags || 'seen'::text, kind = 'closed' where caption = 'old ${n}'`,
    ),
    oldWrite(`delete from places where id = ${n} + 8`),
  ],
  refused: (n) => [
    { by: 'new', sql: `update shelves set width = 0`, lens: '23514', dual: '23514' },
    { by: 'new', sql: `insert into notes values (${n}99, 'x')`, lens: '23503', dual: '23503' },
    { by: 'old', sql: `update items set place = 77 where id = 1`, lens: '23503', dual: '23503' },
  ],
  lostByAbort: 'update places set is_open = true',
};

const installations = await findInstallations(process.env);
const majors = installations.map((one) => one.major);
const newest = Math.max(...majors);
const oldest = Math.min(...majors);
const built = new Map<number, Compiled>();
let kinds: Compiled;

beforeAll(async () => {
  kinds = await compilePair(KINDS.from, KINDS.to, KINDS.evolution ?? null);
  for (const major of new Set([oldest, newest])) {
    const installation = installationOf(major);
    if (installation === undefined) continue;
    await withPostgres(
      async (server) => {
        useServer(server.url('postgres'));
        const { from, to } = WAREHOUSE;
        built.set(major, await compilePair(from, to, WAREHOUSE_CHANGES));
      },
      { installation },
    );
  }
});

afterAll(() => useServer(inject('serverUrl')));

function installationOf(major: number): PostgresInstallation | undefined {
  return installations.find((one) => one.major === major);
}

for (const major of SUPPORTED_MAJORS) {
  const installation = installationOf(major);
  const other = major === newest ? oldest : newest;
  const missing = installation === undefined ? ', which this machine does not have' : '';

  describe.skipIf(installation === undefined)(`PostgreSQL ${major}${missing}`, () => {
    let server: PostgresServer;

    beforeAll(async () => {
      if (installation === undefined) return;
      server = await startPostgres({ installation });
      useServer(server.url('postgres'));
    });

    afterAll(() => server?.stop());

    it('takes an evolution that was compiled on it through every phase', async () => {
      expect(server.major).toBe(major);
      await lifecycleCase(WAREHOUSE);
    });

    it(`takes one that was compiled on PostgreSQL ${other}`, () =>
      lifecycleCase(WAREHOUSE, built.get(other)));

    // On the newest, all other tests run.
    it.skipIf(major === newest)('takes lists, drawn keys, lookups and kept values', () =>
      lifecycleCase(KINDS, kinds),
    );
  });
}
