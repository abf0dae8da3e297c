// The pairs of releases that the benchmark measures, one for each kind of change: through the lens
// the new release's statements find what they find in a database of its own, and in each phase
// those of either release find it by an index, and carry many rows at the cost of their number.

import { loadParser, runVerb } from '@halflap/engine';
import { withDatabase } from '@halflap/engine/testing';
import { searchPath, type Verb } from '@halflap/protocol';
import { beforeAll, expect, it } from 'vitest';
import type { Side } from '../../bench/src/kind-case.js';
import { KIND_CASES } from '../../bench/src/kind-cases.js';
import { compileKind } from '../../bench/src/kinds.js';
import { type Client, withClient } from '../evolving/databases.js';
import { looksOften, readMuch } from '../evolving/reads.js';
import { isDue } from '../setup/due.js';

/** A quarter of them is the smallest table, and reading all of it shows. */
const ROWS = 4000;
const KEY = 7;

beforeAll(() => loadParser());

async function fill(client: Client, side: Side): Promise<void> {
  await client.query(side.schema);
  for (const statement of side.fill) await client.query(statement, [ROWS]);
  await client.query('analyze');
}

/** What it reads before and after its write. */
async function readings(client: Client, { read, write }: Side) {
  const { rows: before } = await client.query(read, [KEY]);
  const { rowCount } = await client.query(write, [KEY, 12]);
  const { rows: after } = await client.query(read, [KEY]);
  return { before, rowCount, after };
}

/** By statement, so that a failure names all. */
async function readsMuch(url: string, searchPath: string | null, { read, write }: Side) {
  return withClient(url, searchPath, async (client) => ({
    read: await readMuch(client, read, [KEY]),
    write: await readMuch(client, write, [KEY, 13]),
  }));
}

/** Rows that one statement changes, and how often each of them may be looked at. */
const MANY = 600;
const LOOKS = 40;

async function looksAtManyOften(url: string, searchPath: string | null, { write }: Side) {
  return withClient(url, searchPath, (client) => looksOften(client, ofMany(write), MANY * LOOKS));
}

/** The same for rows as they come. */
function ofMany(write: string): string {
  const [, table] = /^update (\w+)/.exec(write) ?? [];
  const isOutside = (text: string) => text.split('(').length === text.split(')').length;
  const parts = write.split('where');
  const set = parts.find((_, at) => isOutside(parts.slice(0, at + 1).join('where'))) ?? '';
  const some = `ctid in (select ctid from ${table} limit ${MANY})`;
  const whole = write.slice(0, write.indexOf(set) + set.length);
  return `${whole.replaceAll('$2', '14')} where ${some}`;
}

for (const one of KIND_CASES) {
  it.skipIf(!isDue(one.kind))(
    `${one.kind} reads and writes the same through the lens, and few rows`,
    async () => {
      const { bundle } = await compileKind(one);
      const plain = await withDatabase((url) =>
        withClient(url, null, async (client) => {
          await fill(client, one.new);
          return readings(client, one.new);
        }),
      );
      expect(plain).toMatchObject({ rowCount: 1 });
      await withDatabase(async (url) => {
        await withClient(url, null, (client) => fill(client, one.old));
        const run = (verb: Verb) => runVerb({ url, shard: 'eu1', bundle, verb, log: () => {} });
        await run('prepare');
        const path = searchPath(bundle.app, bundle.to.version);
        const lens = await withClient(url, path, (client) => readings(client, one.new));
        expect(lens).toEqual(plain);
        const old = await withClient(url, null, (client) => readings(client, one.old));
        expect(old).toMatchObject({ rowCount: 1 });
        const few = { read: [], write: [] };
        expect(await readsMuch(url, path, one.new), 'prepared, new').toEqual(few);
        expect(await readsMuch(url, null, one.old), 'prepared, old').toEqual(few);
        await run('expand');
        expect(await readsMuch(url, path, one.new), 'dual, new').toEqual(few);
        expect(await readsMuch(url, null, one.old), 'dual, old').toEqual(few);
        // One table of both releases carries nothing.
        if (bundle.relations.every(({ kind }) => kind !== 'rebuilt')) return;
        expect(await looksAtManyOften(url, path, one.new), 'many rows, new').toEqual([]);
        expect(await looksAtManyOften(url, null, one.old), 'many rows, old').toEqual([]);
      });
    },
  );
}
