// What one version of PostgreSQL answers to each statement of docs/sql-through-a-lens.md, in each
// place: on shards of one evolution, and on a plain database of the new release, which says what a
// table would do.

import { type Fleet, open } from '@halflap/client';
import { installRelease } from '@halflap/engine';
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
 * Statement → heading → `yes`: all is as on a table; `differs`; an SQLSTATE, with `client` before it
 * where the client carries the statement out as on a table.
 */
export type Answers = Record<string, Record<string, string>>;

export interface Matrix {
  readonly major: number;
  readonly statements: Answers;
  /** Of statements that were prepared while the lens stood, by place and verb. */
  readonly prepared: Answers;
  /** By place, whether pg_dump writes the rows; null where it does not read this version. */
  readonly dumped: Record<string, string> | null;
}

/** The verbs that a prepared statement lives through. */
export const STEPS = ['expand', 'contract'] as const;

export const LENS_PLACES = Object.entries(PLACES).filter(([, one]) => one.phase === 'prepared');

const PHASES = ['settled', 'prepared', 'dual'] as const satisfies readonly Phase[];

/** Sessions of the new release in one database. */
interface Place {
  readonly client: pg.Client;
  readonly holder: pg.Client;
  /** By the client of this repository. */
  readonly fleet: Fleet;
}

export function matrixOf(installation: PostgresInstallation, compiled: Compiled): Promise<Matrix> {
  return withPostgres((server) => new Trial(server, compiled).run(), { installation });
}

class Trial {
  readonly #server: PostgresServer;
  readonly #compiled: Compiled;
  readonly #shards = new Map<Phase, LensShard>();
  readonly #places = new Map<Phase, Place>();
  #table!: Pick<Place, 'client' | 'holder'>;
  readonly #onTable = new Map<string, Outcome>();

  constructor(server: PostgresServer, compiled: Compiled) {
    this.#server = server;
    this.#compiled = compiled;
  }

  async run(): Promise<Matrix> {
    await this.#install();
    try {
      const statements = await this.#answers();
      const dumped = await this.#dumped();
      const prepared = await this.#preparedBefore();
      return { major: this.#server.major, statements, prepared, dumped };
    } finally {
      for (const { client, holder, fleet } of this.#places.values()) {
        await fleet.close();
        await client.end();
        await holder.end();
      }
      await this.#table.client.end();
      await this.#table.holder.end();
    }
  }

  /** A phase is a copy of the one before, moved on. */
  async #install(): Promise<void> {
    const { bundle, from, to } = this.#compiled;
    const verbs = { settled: null, prepared: 'prepare', dual: 'expand' } as const;
    for (const [index, phase] of PHASES.entries()) {
      const before = PHASES[index - 1];
      await this.#server.createDatabase(phase, before === undefined ? {} : { template: before });
      const url = this.#server.url(phase);
      const shard = lensShardOf(url, bundle, () => this.#server.dropDatabase(phase));
      this.#shards.set(phase, shard);
      const verb = verbs[phase];
      if (verb === null) await this.#fill(shard, '1.0', from, url);
      else await shard.move(verb);
    }
    await this.#server.createDatabase('table');
    const url = this.#server.url('table');
    const plain = lensShardOf(url, bundle, () => this.#server.dropDatabase('table'));
    await this.#fill(plain, '2.0', to, url);
    this.#table = { client: await plain.connect('2.0'), holder: await plain.connect('2.0') };
    for (const [phase, shard] of this.#shards)
      this.#places.set(phase, await this.#place(phase, shard));
  }

  async #fill(
    shard: LensShard,
    version: '1.0' | '2.0',
    release: Compiled['from'],
    url: string,
  ): Promise<void> {
    await installRelease({ url, app: APP, release });
    const client = await shard.connect(version);
    await client.query(LENS_ROWS[version]);
    await client.end();
  }

  async #place(phase: Phase, shard: LensShard): Promise<Place> {
    const connect = () => (phase === 'settled' ? shard.connectByLens() : shard.connect('2.0'));
    const fleet = await open({
      app: APP,
      release: '2.0',
      server: 'web1',
      shards: [{ name: 'lens', url: this.#server.url(phase) }],
      bundle: this.#compiled.bundle,
      poolSize: 2,
    });
    return { client: await connect(), holder: await connect(), fleet };
  }

  async #answers(): Promise<Answers> {
    const answers: Answers = {};
    for (const name of Object.keys(STATEMENTS)) {
      const row: Record<string, string> = {};
      for (const [heading, { phase, table }] of Object.entries(PLACES)) {
        row[heading] = await this.#answer(this.#places.get(phase) as Place, table, name);
      }
      answers[name] = row;
    }
    return answers;
  }

  async #answer(place: Place, table: Name, name: string): Promise<string> {
    const statement = STATEMENTS[name] as LensStatement;
    const wanted = await this.#wanted(table, name);
    const found = await beside(place, table, statement);
    if (!('code' in found) || sameAs(found, wanted)) return answerOf(found, found, wanted);
    const shard = place.fleet.shard('lens');
    const byClient = await shard.withClient((client) =>
      beside({ client, holder: place.holder }, table, statement),
    );
    return answerOf(found, byClient, wanted);
  }

  /** What a table does; asked once, so that sequences are drawn from as often as in each place. */
  async #wanted(table: Name, name: string): Promise<Outcome> {
    const key = `${table} ${name}`;
    const known = this.#onTable.get(key);
    if (known !== undefined) return known;
    const found = await beside(this.#table, table, STATEMENTS[name] as LensStatement);
    this.#onTable.set(key, found);
    return found;
  }

  /** Moves the prepared shard to the end. */
  #preparedBefore(): Promise<Answers> {
    const { client, fleet } = this.#places.get('prepared') as Place;
    return fleet.shard('lens').withClient(async (byClient) => {
      const answers: Answers = Object.fromEntries(PREPARED.map((name) => [name, {}]));
      const tried = PREPARED.flatMap((name) =>
        LENS_PLACES.map(([heading, { table }]) => ({ name, heading, table })),
      );
      const send = async (name: string, table: Name): Promise<[Outcome, Outcome]> => {
        const text = (STATEMENTS[name] as LensStatement).sql(table);
        const config = { name: `${table} ${name}`.slice(0, 60), text };
        return [await outcomeOf(client, table, config), await outcomeOf(byClient, table, config)];
      };
      const first = new Map<string, [Outcome, Outcome]>();
      for (const { name, table } of tried) first.set(name + table, await send(name, table));
      for (const verb of STEPS) {
        await this.#shards.get('prepared')?.move(verb);
        for (const { name, heading, table } of tried) {
          const wanted = await this.#wanted(table, name);
          const now = await send(name, table);
          const [found, byClient] = first
            .get(name + table)
            ?.map((before, index) => ('code' in before ? before : now[index])) as [
            Outcome,
            Outcome,
          ];
          const row = answers[name] as Record<string, string>;
          row[`${heading} ${verb}`] = answerOf(found, byClient, wanted);
        }
      }
      return answers;
    });
  }

  async #dumped(): Promise<Record<string, string> | null> {
    const wanted = await dumpOf(this.#server.url('table'), this.#server.major);
    if (wanted === null) return null;
    const answers: Record<string, string> = {};
    const dumps = new Map<Phase, ReadonlyMap<string, string> | null>();
    for (const [heading, { phase, table }] of Object.entries(PLACES)) {
      if (phase === 'settled') continue;
      const found = dumps.get(phase) ?? (await dumpOf(this.#server.url(phase), this.#server.major));
      dumps.set(phase, found);
      const rows = found?.get(table);
      answers[heading] =
        rows === undefined ? 'no rows' : rows === wanted.get(table) ? 'yes' : 'differs';
    }
    return answers;
  }
}

/** Table → its rows in what pg_dump writes of the tables that a session of 2.0 sees. */
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
  const blocks = stdout.matchAll(/^COPY \w+\.(\w+) .*\n([^]*?)^\\\.$/gm);
  return new Map([...blocks].map(([, table = '', rows = '']) => [table, rows]));
}

function answerOf(found: Outcome, byClient: Outcome, wanted: Outcome): string {
  if (!('code' in found)) return sameAs(found, wanted) ? 'yes' : 'differs';
  if (sameAs(found, wanted) || !sameAs(byClient, wanted)) return found.code;
  return `client ${found.code}`;
}

async function beside(
  { client, holder }: { readonly client: pg.ClientBase; readonly holder: pg.ClientBase },
  table: Name,
  { sql, isHeld = false }: LensStatement,
): Promise<Outcome> {
  if (!isHeld) return outcomeOf(client, table, sql(table));
  await holder.query('begin');
  await holder.query(`select from ${table} where ${TABLES[table].key} = 1 for update`);
  return outcomeOf(client, table, sql(table)).finally(() => holder.query('rollback'));
}

function sameAs(one: Outcome, other: Outcome): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
