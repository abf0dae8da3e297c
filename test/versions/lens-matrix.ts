// What one version of PostgreSQL answers to each statement of docs/sql-through-a-lens.md, in each
// place: on shards of one evolution, and on a plain database of the new release, which says what a
// table would do.

import { open } from '@halflap/client';
import { type Bundle, installRelease, type Release } from '@halflap/engine';
import {
  type PostgresInstallation,
  type PostgresServer,
  withPostgres,
} from '@halflap/engine/testing';
import type pg from 'pg';
import { LENS_PATH, LENS_ROWS, type LensShard, lensShardOf } from '../docs/lens-shard.js';
import {
  type LensStatement,
  type Name,
  type Outcome,
  outcomeOf,
  type Phase,
  PLACES,
  PREPARED,
  STATEMENTS,
  TABLES,
} from '../docs/lens-statements.js';
import { APP, type Compiled } from '../evolving/releases.js';
import { findPrograms, runProgram } from '../setup/programs.js';

/**
 * Statement → heading → `yes`: all is as on a table; `differs`; an SQLSTATE, with `client` before
 * it where the client carries the statement out as on a table.
 */
export type Answers = Record<string, Row>;
type Row = Record<string, string>;

export interface Matrix {
  readonly major: number;
  readonly statements: Answers;
  /** The same by a session lens, in the places of a prepared shard. */
  readonly settled: Answers;
  /** Of statements that were prepared while the lens stood, by place and verb. */
  readonly prepared: Answers;
  /** By place, whether pg_dump writes the rows; null where it does not read this version. */
  readonly dumped: Row | null;
}

/** The verbs that a prepared statement lives through. */
export const STEPS = ['expand', 'contract'] as const;
type Step = (typeof STEPS)[number];

export const LENS_PLACES = Object.entries(PLACES).filter(([, one]) => one.phase === 'prepared');

/** Sessions of the new release in one database. */
interface Sessions {
  readonly client: pg.ClientBase;
  /** Holds a row while the client asks for it. */
  readonly holder: pg.ClientBase;
}

/** Starts the version, and takes one shard on it from release 1.0 to 2.0. */
export function matrixOf(installation: PostgresInstallation, compiled: Compiled): Promise<Matrix> {
  return withPostgres((server) => trial(server, compiled), { installation });
}

async function trial(server: PostgresServer, compiled: Compiled): Promise<Matrix> {
  const { bundle, from, to } = compiled;
  const table = await filled(server, 'table', '2.0', { bundle, release: to });
  const shard = await filled(server, 'shard', '1.0', { bundle, release: from });
  return withSessions(
    () => table.connect('2.0'),
    async (onTable) => {
      const asked = new Asked(onTable, server.url('shard'), bundle);
      const settled = await withSessions(shard.connectByLens, async (sessions) => {
        await asked.all(sessions, 'settled');
        return asked.likePrepared(sessions);
      });
      await shard.move('prepare');
      const dumped = new Dumped(server);
      const prepared = await withSessions(
        () => shard.connect('2.0'),
        async (sessions) => {
          await asked.all(sessions, 'prepared');
          await dumped.read('prepared');
          return asked.across(sessions.client, async (verb) => {
            await shard.move(verb);
            if (verb !== 'expand') return;
            await withSessions(
              () => shard.connect('2.0'),
              (dual) => asked.all(dual, 'dual'),
            );
            await dumped.read('dual');
          });
        },
      );
      const { answers: statements } = asked;
      return { major: server.major, statements, settled, prepared, dumped: dumped.answers };
    },
  );
}

async function filled(
  server: PostgresServer,
  database: string,
  version: '1.0' | '2.0',
  { bundle, release }: { readonly bundle: Bundle; readonly release: Release },
): Promise<LensShard> {
  await server.createDatabase(database);
  const url = server.url(database);
  await installRelease({ url, app: APP, release });
  const shard = lensShardOf(url, bundle, () => server.dropDatabase(database));
  const client = await shard.connect(version);
  await client.query(LENS_ROWS[version]);
  await client.end();
  return shard;
}

async function withSessions<Result>(
  connect: () => Promise<pg.Client>,
  body: (sessions: Sessions) => Promise<Result>,
): Promise<Result> {
  const client = await connect();
  const holder = await connect();
  try {
    return await body({ client, holder });
  } finally {
    await client.end();
    await holder.end();
  }
}

/** Puts the statements, and keeps what they are answered beside what a table answers. */
class Asked {
  readonly #onTable: Sessions;
  readonly #url: string;
  readonly #bundle: Bundle;
  readonly #wanted = new Map<string, Outcome>();
  readonly answers: Answers = Object.fromEntries(Object.keys(STATEMENTS).map((one) => [one, {}]));

  constructor(onTable: Sessions, url: string, bundle: Bundle) {
    this.#onTable = onTable;
    this.#url = url;
    this.#bundle = bundle;
  }

  /** Fills in the columns of one phase. */
  async all(sessions: Sessions, asked: Phase): Promise<void> {
    await this.#withClient(async (client) => {
      for (const [heading, { phase, table }] of Object.entries(PLACES)) {
        if (phase !== asked) continue;
        for (const [name, row] of Object.entries(this.answers)) {
          row[heading] = await this.#answer(sessions, table, name, client);
        }
      }
    });
  }

  /** What a session lens answers where a prepared shard has a lens too. */
  likePrepared(sessions: Sessions): Promise<Answers> {
    return this.#withClient(async (client) => {
      const answers: Answers = {};
      for (const name of Object.keys(STATEMENTS)) {
        const row: Row = {};
        for (const [heading, { table }] of LENS_PLACES) {
          row[heading] = await this.#answer(sessions, table, name, client);
        }
        answers[name] = row;
      }
      return answers;
    });
  }

  /** Statements that are prepared now, after each step. */
  across(raw: pg.ClientBase, move: (verb: Step) => Promise<void>): Promise<Answers> {
    return this.#withClient(async (client) => {
      const answers: Answers = Object.fromEntries(PREPARED.map((name) => [name, {}]));
      const tried = PREPARED.flatMap((name) =>
        LENS_PLACES.map(([heading, { table }]) => ({ name, heading, table })),
      );
      const before = new Map<string, Sent>();
      for (const { name, table } of tried) {
        before.set(name + table, await sendPrepared({ raw, client }, table, name));
      }
      for (const step of STEPS) {
        await move(step);
        for (const { name, heading, table } of tried) {
          const wanted = await this.#onTableOf(table, name);
          const now = await sendPrepared({ raw, client }, table, name);
          const first = before.get(name + table) as Sent;
          const found = 'code' in first.raw ? first.raw : now.raw;
          const byClient = 'code' in first.client ? first.client : now.client;
          (answers[name] as Row)[`${heading} ${step}`] = answerOf(found, byClient, wanted);
        }
      }
      return answers;
    });
  }

  async #answer(
    sessions: Sessions,
    table: Name,
    name: string,
    client: pg.ClientBase,
  ): Promise<string> {
    const statement = STATEMENTS[name] as LensStatement;
    const wanted = await this.#onTableOf(table, name);
    const found = await beside(sessions, table, statement);
    // The client sends every other statement as it is.
    const isRewritten = /\bconflict\b/.test(statement.sql(table));
    if (!('code' in found) || !isRewritten) return answerOf(found, found, wanted);
    const byClient = await beside({ client, holder: sessions.holder }, table, statement);
    return answerOf(found, byClient, wanted);
  }

  async #onTableOf(table: Name, name: string): Promise<Outcome> {
    const key = `${table} ${name}`;
    const known = this.#wanted.get(key);
    if (known !== undefined) return known;
    const found = await beside(this.#onTable, table, STATEMENTS[name] as LensStatement);
    this.#wanted.set(key, found);
    return found;
  }

  /** A connection of the client of this repository. */
  async #withClient<Result>(body: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const fleet = await open({
      app: APP,
      release: '2.0',
      server: 'web1',
      shards: [{ name: 'eu1', url: this.#url }],
      bundle: this.#bundle,
      poolSize: 2,
    });
    return fleet
      .shard('eu1')
      .withClient(body)
      .finally(() => fleet.close());
  }
}

interface Sent {
  readonly raw: Outcome;
  readonly client: Outcome;
}

async function sendPrepared(
  { raw, client }: { readonly raw: pg.ClientBase; readonly client: pg.ClientBase },
  table: Name,
  name: string,
): Promise<Sent> {
  const text = (STATEMENTS[name] as LensStatement).sql(table);
  const statement = { name: `${table} ${Object.keys(STATEMENTS).indexOf(name)}`, text };
  const byClient = await outcomeOf(client, table, statement);
  return {
    raw: await outcomeOf(raw, table, statement),
    // What a step has made stale, the client runs again, once; on a borrowed connection we do.
    client: 'code' in byClient ? await outcomeOf(client, table, statement) : byClient,
  };
}

/** By place, whether pg_dump writes the rows that a session of 2.0 sees. */
class Dumped {
  readonly #server: PostgresServer;
  answers: Row | null = {};

  constructor(server: PostgresServer) {
    this.#server = server;
  }

  async read(asked: Phase): Promise<void> {
    const { major } = this.#server;
    const wanted = await dumpOf(this.#server.url('table'), major);
    const found = await dumpOf(this.#server.url('shard'), major);
    if (wanted === null || found === null) {
      this.answers = null;
      return;
    }
    const answers = this.answers ?? {};
    for (const [heading, { phase, table }] of Object.entries(PLACES)) {
      const rows = found.get(table);
      const answer = rows === wanted.get(table) ? 'yes' : 'differs';
      if (phase === asked) answers[heading] = rows === undefined ? 'no rows' : answer;
    }
  }
}

/** Table → its rows in what pg_dump writes of the tables that a session of 2.0 sees. */
/** By table, in no order: the rows of a table have none. */
async function dumpOf(url: string, major: number): Promise<ReadonlyMap<string, string> | null> {
  const [program] = await findPrograms('pg_dump');
  if (program === undefined) return null;
  const { stdout: version } = await runProgram(url, [program, '--version']);
  // It reads no server that is newer than itself.
  if (Number(/\d+/.exec(version)?.[0]) < major) return null;
  const tables = Object.keys(TABLES).flatMap((table) => ['--table', table]);
  const { exitCode, stdout, stderr } = await runProgram(url, [program, ...tables], {
    environment: { PGOPTIONS: `-c search_path=${LENS_PATH.replaceAll(' ', '')}` },
  });
  if (exitCode !== 0) throw new Error(stderr);
  const blocks = stdout.matchAll(/^COPY \w+\.(\w+) .*\n([\s\S]*?)^\\\.$/gm);
  const sorted = (rows: string) => rows.split('\n').sort().join('\n');
  return new Map([...blocks].map(([, table = '', rows = '']) => [table, sorted(rows)]));
}

function answerOf(found: Outcome, byClient: Outcome, wanted: Outcome): string {
  if (!('code' in found)) return sameAs(found, wanted) ? 'yes' : 'differs';
  if (sameAs(found, wanted) || !sameAs(byClient, wanted)) return found.code;
  return `client ${found.code}`;
}

async function beside(
  { client, holder }: Sessions,
  table: Name,
  { sql, isHeld }: LensStatement,
): Promise<Outcome> {
  if (isHeld !== true) return outcomeOf(client, table, sql(table));
  await holder.query('begin');
  await holder.query(`select from ${table} where ${TABLES[table].key} = 1 for update`);
  return outcomeOf(client, table, sql(table)).finally(() => holder.query('rollback'));
}

function sameAs(one: Outcome, other: Outcome): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
