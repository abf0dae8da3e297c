// A shard restored from a dump that was taken in the middle of an evolution: after every step of
// every verb it is dumped by pg_dump, restored into an empty database, and goes on there.
//
// The truth is kept by a plain database of the old release, which gets the same writes.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type FreshDatabase,
  findInstallations,
  freshDatabase,
  type PostgresServer,
  startPostgres,
  useServer,
} from '@halflap/engine/testing';
import type { Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { leftovers, unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard, shardOf } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  WAREHOUSE_VIEWS,
  warehouseRows,
} from '../evolving/warehouse.js';
import { type Ended, findPrograms, runProgram } from '../setup/programs.js';

const pgDump = (await findPrograms('pg_dump'))[0];
const isLocal = process.env.CI === undefined;
if (pgDump === undefined && isLocal) {
  process.stderr.write('pg_dump is not installed (Debian: postgresql-client): test skipped\n');
}

/** What pg_dump writes, and the program that reads it. */
const FORMATS = {
  plain: (file: string) => ['psql', '--quiet', '--set', 'ON_ERROR_STOP=1', '--file', file],
  custom: (file: string) => ['pg_restore', '--exit-on-error', '--dbname', 'postgres', file],
} as const;
type Format = keyof typeof FORMATS;

let server: PostgresServer;
let compiled: Compiled;
let directory: string;

describe.skipIf(pgDump === undefined && isLocal)('a shard restored from a dump', () => {
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'halflap-dump-'));
    // pg_dump reads no server that is newer than itself.
    const { stdout } = await runProgram(inject('serverUrl'), [pgDump ?? '', '--version']);
    const major = Number(/\d+/.exec(stdout)?.[0]);
    const found = await findInstallations(process.env);
    const installation = found.find((one) => one.major <= major);
    if (installation === undefined) throw new Error(`no PostgreSQL up to ${major} is installed`);
    server = await startPostgres({ installation });
    useServer(server.url('postgres'));
    compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  });

  afterAll(async () => {
    useServer(inject('serverUrl'));
    await server?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('goes on to the end from every step', async () => {
    await withCourse(async (course) => {
      for (const verb of ['prepare', 'expand', 'contract'] as const) {
        if (verb === 'contract') await course.run('verify');
        while (await course.step(verb)) await course.transplant();
      }
      expect(await unlikeFresh(course.url(), compiled.bundle)).toEqual([]);
    });
  });

  for (const verb of ['prepare', 'expand'] as const) {
    it(`goes back after ${verb}`, async () => {
      await withCourse(async (course) => {
        await course.run('prepare');
        if (verb === 'expand') await course.run('expand');
        await course.transplant();
        while (await course.step('abort')) await course.transplant();
        expect(await leftovers(course.url(), compiled.bundle)).toEqual([]);
      });
    });
  }
});

interface Course {
  url(): string;
  run(verb: Verb): Promise<void>;
  step(verb: Verb): Promise<boolean>;
  /** Leaves the shard for a restored copy of itself, and writes there as each release that may. */
  transplant(): Promise<void>;
}

async function withCourse(body: (course: Course) => Promise<void>): Promise<void> {
  const plain = await freshDatabase();
  let shard = await installShard(compiled);
  for (const url of [plain.url, shard.url]) {
    if (url === plain.url) await query(url, compiled.from.schemaSql);
    await query(url, warehouseRows(500));
  }
  let round = 0;
  const transplant = async () => {
    round += 1;
    const copy = await restored(shard.url, round % 2 === 0 ? 'plain' : 'custom');
    await shard.drop();
    shard = shardOf(copy.url, compiled.bundle, copy.drop);
    await writeAndCompare(shard, plain.url, round);
  };
  try {
    await body({
      url: () => shard.url,
      run: (verb) => shard.run(verb),
      step: (verb) => shard.step(verb),
      transplant,
    });
  } finally {
    await Promise.all([plain.drop(), shard.drop()]);
  }
}

async function restored(url: string, format: Format): Promise<FreshDatabase> {
  const file = join(directory, `${format}.dump`);
  succeeded(await runProgram(url, [pgDump ?? '', '--format', format, '--file', file]));
  const copy = await freshDatabase();
  const [program = '', ...rest] = FORMATS[format](file).map((word) =>
    word === 'postgres' ? copy.database : word,
  );
  succeeded(await runProgram(copy.url, [program, ...rest]));
  return copy;
}

function succeeded({ exitCode, stderr }: Ended): void {
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
}

/** What each release writes in a round, and the same as the old one says it. */
const writes = (round: number) => ({
  old: `insert into items (id, place, name, size, note)
      values (${round}000, 1, 'old ${round}', ${round}, 'n');
    update items set size = size + 1, note = 'seen' where id % 50 = ${round} % 50;`,
  new: `insert into items (id, place, title, bytes) values (${round}001, 2, 'new ${round}', 2048);
    insert into notes values (${round}001, 'of the new');
    update items set bytes = bytes + 1024 where id % 60 = ${round} % 60;
    delete from items where id = ${round} + 100;
    update places set title = title || '!', is_open = false where id = 1 + ${round} % 20;`,
  newAsOld: `insert into items (id, place, name, size) values (${round}001, 2, 'new ${round}', 2);
    update items set note = 'of the new' where id = ${round}001;
    update items set size = size + 1 where id % 60 = ${round} % 60;
    delete from items where id = ${round} + 100;
    update places set label = label || '!' where id = 1 + ${round} % 20;`,
});

async function writeAndCompare(shard: Shard, plainUrl: string, round: number): Promise<void> {
  const [state] = await query(shard.url, 'select phase, floor from halflap.shard');
  const isNew = state?.floor === '2.0';
  const isOldServed = !isNew && state?.phase !== 'contracting';
  const isNewServed = isNew || !(state?.phase === 'settled' || (await isAborting(shard.url)));
  const { old, new: fresh, newAsOld } = writes(round);
  if (isOldServed) {
    await query(shard.url, old);
    await query(plainUrl, old);
  }
  if (isNewServed) {
    await query(shard.url, fresh, NEW_PATH);
    await query(plainUrl, newAsOld);
  }
  const where = `round ${round}, ${state?.phase}`;
  const expected = await query(plainUrl, WAREHOUSE_VIEWS.old);
  expect(expected.length).toBeGreaterThan(400);
  if (isOldServed) expect(await query(shard.url, WAREHOUSE_VIEWS.old), where).toEqual(expected);
  if (!isNewServed) return;
  expect(await query(shard.url, WAREHOUSE_VIEWS.new, NEW_PATH), where).toEqual(expected);
}

/** The first step of an abort refuses 2.0; the phase is left with the last one. */
async function isAborting(url: string): Promise<boolean> {
  const rows = await query(
    url,
    `select from halflap.journal join halflap.shard using (attempt) where verb = 'abort'`,
  );
  return rows.length > 0;
}

function query(url: string, text: string, searchPath: string | null = null) {
  return withClient(url, searchPath, async (client) => {
    const result = await client.query<Record<string, string>>(text);
    return result.rows;
  });
}
