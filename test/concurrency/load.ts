// Writers of both releases on the same few rows, each a session of its own that writes as fast as
// it can while the shard moves. Every statement that was acknowledged is counted; so is every
// refusal.

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { NEW_PATH } from '../evolving/shard.js';

export interface Writer {
  readonly release: 'old' | 'new';
  readonly name: string;
  /** Whether a turn of it keeps a snapshot of its own, and so may be told to come again. */
  readonly isStrict?: (turn: number) => boolean;
  /** One unit of work; throws what PostgreSQL answers. Is tried again as a whole. */
  readonly work: (client: Client, turn: number) => Promise<void>;
  /** What the unit did, for the account; called when it was acknowledged. */
  readonly acknowledged?: (turn: number) => void;
}

export interface Account {
  /** `writer SQLSTATE message`, counted. */
  readonly refusals: Map<string, number>;
  /** The same of strict writers that were told to come again. */
  readonly retries: Map<string, number>;
  readonly turns: Map<string, number>;
  /** The longest unit of work, in ms, by release. */
  readonly longestMs: { old: number; new: number };
}

export interface Load {
  readonly account: Account;
  /** Resolves when each writer has finished so many units since the call. */
  turns(count: number, release?: 'old' | 'new'): Promise<void>;
  stop(): Promise<void>;
}

/** Answers after which an application runs a unit of work again. */
export const AGAIN = new Set(['40001', '40P01', '55P03']);

/** Answers of a shard that does not serve the new release (yet, or after an abort). */
export const NOT_SERVED = new Set(['42P01', '42703', '3F000', 'HL002']);

/** Between two units of work, so that a machine of two cores is busy and not drowned. */
const THINK_MS = 10;

/** Applications do not come again at once. */
const BACK_OFF_MS = 20;

/** A writer that does not get on for so long is starved. */
const STARVED_MS = 20_000;

export function startLoad(url: string, writers: readonly Writer[]): Load {
  const account: Account = {
    refusals: new Map(),
    retries: new Map(),
    turns: new Map(),
    longestMs: { old: 0, new: 0 },
  };
  const state = { isStopped: false };
  const running = writers.map(async (writer) => {
    const client = await openClient(url, writer.release === 'new' ? NEW_PATH : null);
    await loop(client, writer, account, state).finally(() => client.end());
  });
  const turnOf = (writer: Writer) => account.turns.get(writer.name) ?? 0;
  return {
    account,
    async turns(count, release) {
      const wanted = writers
        .filter((writer) => release === undefined || writer.release === release)
        .map((writer) => ({ writer, goal: turnOf(writer) + count }));
      const late = () => wanted.filter(({ writer, goal }) => turnOf(writer) < goal);
      for (const deadline = performance.now() + STARVED_MS; late().length > 0; await pause()) {
        if (performance.now() < deadline) continue;
        const names = late().map(({ writer, goal }) => `${writer.name}: ${turnOf(writer)}/${goal}`);
        throw new Error(`starved: ${names.join(', ')}\n${await sessions(url)}`);
      }
    },
    async stop() {
      state.isStopped = true;
      const ended = Promise.all(running);
      // Sessions that hang must not hide why: their end is enforced, and the failure is told.
      const timer = new AbortController();
      const late = delay(STARVED_MS / 3, undefined, { signal: timer.signal });
      await Promise.race([ended, late.then(() => terminate(url))]);
      await ended.finally(() => timer.abort());
    },
  };
}

async function loop(
  client: Client,
  writer: Writer,
  account: Account,
  state: { readonly isStopped: boolean },
): Promise<void> {
  for (let turn = 1; !state.isStopped; ) {
    const startedAt = performance.now();
    try {
      await writer.work(client, turn);
      writer.acknowledged?.(turn);
      account.turns.set(writer.name, turn);
      turn += 1;
      const ms = performance.now() - startedAt;
      account.longestMs[writer.release] = Math.max(account.longestMs[writer.release], ms);
      await delay(Math.random() * THINK_MS);
    } catch (error) {
      await client.query('rollback').catch(() => {});
      const answer = `${writer.name} ${stateOf(error)} ${(error as Error).message}`;
      const told = writer.release === 'old' ? `${answer}\n${evidence(error)}` : answer;
      const isTold = writer.isStrict?.(turn) === true && AGAIN.has(stateOf(error));
      const answers = isTold ? account.retries : account.refusals;
      answers.set(told, (answers.get(told) ?? 0) + 1);
      await delay(Math.random() * BACK_OFF_MS);
    }
  }
}

/** Where it happened and with whom, for what should not have happened. */
function evidence(error: unknown): string {
  const { detail, where } = error as { detail?: string; where?: string };
  return [detail, where].filter((one) => one !== undefined).join('\n');
}

async function terminate(url: string): Promise<void> {
  await withClient(url, null, (client) =>
    client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    ),
  );
}

/** What every session does and for whom it waits, for the message of a failure. */
async function sessions(url: string): Promise<string> {
  return withClient(url, null, async (client) => {
    const { rows } = await client.query<{ line: string }>(
      `select concat_ws(' ', pid, state, wait_event_type, wait_event, 'blocked by',
         pg_blocking_pids(pid)::text, 'since', clock_timestamp() - query_start, left(query,
           90)) as line
       from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    );
    return rows.map((row) => row.line).join('\n');
  });
}

/** Gives the other sessions a turn of the event loop; not a wait for anything. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Runs statements as one transaction. */
export async function inTransaction(client: Client, body: () => Promise<void>): Promise<void> {
  await client.query('begin');
  await body();
  await client.query('commit');
}
