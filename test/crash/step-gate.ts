// A gate in the shard itself: the runner stands still in the transaction that marks a chosen step
// finished, when all else of the step is done, for as long as the gate is shut.

import type { ChildProcess } from 'node:child_process';
import { type Client, openClient } from '../evolving/databases.js';

export interface StepGate {
  /** Before this step of the journal is marked finished. */
  shut(step: string): Promise<void>;
  open(): Promise<void>;
  /** The runner's backend, as soon as it stands at the gate. */
  reached(runner: ChildProcess): Promise<string>;
  /** Ends the backend, and with it the transaction that it is in. */
  endBackend(pid: string): Promise<void>;
  /** Resolves when the backend is there no more. */
  ended(pid: string): Promise<void>;
  isFinished(step: string): Promise<boolean>;
}

/** In a schema of its own: no release knows it, and none must miss it. */
const MAKE = `create schema gate
  create table shut (step text);
  create function gate.wait() returns trigger language plpgsql as $$
  begin
    if exists (select from gate.shut s where s.step = new.step) then
      perform pg_advisory_xact_lock_shared(42);
    end if;
    return new;
  end $$;
  create trigger gate before update on halflap.journal for each row
  when (old.finished_at is null and new.finished_at is not null) execute function gate.wait()`;

const DROP = 'drop trigger if exists gate on halflap.journal; drop schema if exists gate cascade';

/** Makes the gate, gives it, and takes it away again, unless the server is gone by then. */
export async function withStepGate(
  url: string,
  body: (gate: StepGate) => Promise<void>,
): Promise<void> {
  const client = await openClient(url);
  try {
    await client.query(`${DROP}; ${MAKE}`);
    await body(gateOf(client));
    await client.query(DROP).catch(() => {});
  } finally {
    await client.end().catch(() => {});
  }
}

function gateOf(client: Client): StepGate {
  const pids = async (condition: string, value: readonly string[]) =>
    (await client.query<{ pid: string }>(`select pid from ${condition}`, [...value])).rows;
  const isThere = async (pid: string) =>
    (await pids('pg_stat_activity where pid = $1::int', [pid])).length > 0;
  return {
    async shut(step) {
      await client.query('select pg_advisory_lock(42)');
      await client.query('insert into gate.shut values ($1)', [step]);
    },
    async open() {
      await client.query('delete from gate.shut');
      await client.query('select pg_advisory_unlock(42)');
    },
    async reached(runner) {
      while (runner.exitCode === null && runner.signalCode === null) {
        const [one] = await pids(
          `pg_locks where locktype = 'advisory' and not granted and objid = 42
             and database = (select oid from pg_database where datname = current_database())`,
          [],
        );
        if (one !== undefined) return one.pid;
      }
      throw new Error(`the runner has ended with ${runner.exitCode ?? runner.signalCode}`);
    },
    async endBackend(pid) {
      await client.query('select pg_terminate_backend($1::int)', [pid]);
      while (await isThere(pid));
    },
    async ended(pid) {
      while (await isThere(pid));
    },
    async isFinished(step) {
      const { rows } = await client.query<{ is_finished: string }>(
        `select finished_at is not null as is_finished from halflap.journal
         where step = $1 order by attempt desc limit 1`,
        [step],
      );
      return rows[0]?.is_finished === 't';
    },
  };
}
