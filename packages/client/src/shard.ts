// One shard as an application uses it: statements, transactions, and a bound connection when those
// do not suffice.
//
// Invariant: nothing is sent to a shard that does not serve this release. What is run again is only
// what had no effect: a single statement, or a transaction whose caller allowed it.

import { HalflapError } from '@halflap/protocol';
import type {
  ClientBase,
  CustomTypesConfig,
  PoolClient,
  QueryConfig,
  QueryResult,
  QueryResultRow,
} from 'pg';
import { within } from './deadline.js';
import { isFence, isSignOfMove, isStalePlan, leavesConnectionUsable } from './failure.js';
import { checkChoice, checkRetries, checkTimeout } from './given.js';
import { isServed, type Lease, notServed, type ShardStatus } from './lease.js';
import type { Settings } from './options.js';
import { repeatedly } from './repeat.js';
import type { Fate, Sessions } from './sessions.js';

/** SQL text, or the driver's form with a name for a prepared statement. */
export type Statement = string | QueryConfig;

export interface CallOptions {
  /**
   * Longest time from the call to its result, 1–2147483647 ms; the statement is then cancelled.
   * Default: none.
   */
  readonly timeoutMs?: number;
}

export interface TransactionOptions {
  /** Default: the session's, which is read committed unless the database says otherwise. */
  readonly isolation?: Isolation;
  /**
   * Whether the whole body may be run again after a deadlock, a serialization failure or a stale
   * plan: true for the fleet's `retries`, or a number of its own. Default false, because only the
   * caller knows whether the body does anything outside of the transaction.
   */
  readonly retry?: boolean | number;
}

export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

const BEGIN: Readonly<Record<Isolation | 'default', string>> = {
  default: 'begin',
  'read committed': 'begin isolation level read committed',
  'repeatable read': 'begin isolation level repeatable read',
  serializable: 'begin isolation level serializable',
};

export class Shard {
  readonly name: string;
  readonly #lease: Lease;
  readonly #sessions: Sessions;
  readonly #settings: Settings;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(name: string, lease: Lease, sessions: Sessions, settings: Settings) {
    this.name = name;
    this.#lease = lease;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  /** How the shard stands towards this server, as last heard. Asks nothing. */
  get status(): ShardStatus {
    return this.#lease.status;
  }

  /** How its connections read values, unless a statement says otherwise. */
  get types(): CustomTypesConfig {
    return this.#sessions.types;
  }

  /**
   * Runs one statement, outside of a transaction. It is run again after a deadlock or a
   * serialization failure, at most the fleet's `retries` times, and once after a stale plan: in
   * these cases it had no effect. After any other error, a broken connection above all, it is not.
   * @throws CLIENT_NOT_SERVED, SHARD_UNREACHABLE before anything was sent; CLIENT_TIMED_OUT;
   * PostgreSQL's errors as the driver gives them.
   */
  query<Row extends QueryResultRow = QueryResultRow>(
    statement: Statement,
    values?: readonly unknown[],
    options: CallOptions = {},
  ): Promise<QueryResult<Row>> {
    return this.#track(this.#query<Row>(statement, values, options));
  }

  async #query<Row extends QueryResultRow>(
    statement: Statement,
    values: readonly unknown[] | undefined,
    { timeoutMs }: CallOptions,
  ): Promise<QueryResult<Row>> {
    const deadlineMs =
      timeoutMs === undefined ? NEVER : performance.now() + checkTimeout(timeoutMs);
    const attempt = () =>
      this.#withConnection(deadlineMs, (client) => send<Row>(client, statement, values));
    return repeatedly(this.#settings.retries, () => this.#guarded(attempt, deadlineMs));
  }

  /**
   * Runs `body` in a transaction on one bound connection; commits its result, rolls back on its
   * error. With `retry`, the whole body is run again on a new transaction.
   * @throws CLIENT_ROLLED_BACK when the body hid a failed statement, and what `query` throws.
   */
  transaction<Result>(
    body: (client: ClientBase) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return this.#track(this.#transaction(body, options));
  }

  async #transaction<Result>(
    body: (client: ClientBase) => Promise<Result>,
    { retry = false, isolation }: TransactionOptions,
  ): Promise<Result> {
    const begin = checkChoice('isolation', BEGIN, isolation ?? 'default');
    const attempt = () => this.#guarded(() => this.#transact(begin, body));
    const limit = retry === true ? this.#settings.retries : checkRetries('retry', Number(retry));
    return limit > 0 ? repeatedly(limit, attempt) : attempt();
  }

  /**
   * Lends a bound connection for what needs one: cursors, COPY. The body must
   * end the transactions that it begins. Nothing is run again. The connection is bound anew before
   * its next use, so a search_path that the body changed stays its own.
   */
  withClient<Result>(body: (client: ClientBase) => Promise<Result>): Promise<Result> {
    const attempt = async () => {
      const client = await this.#sessions.take();
      try {
        const result = await body(client);
        this.#sessions.give(client, 'rebind');
        return result;
      } catch (error) {
        this.#sessions.give(client, 'discard');
        throw error;
      }
    };
    return this.#track(this.#guarded(attempt));
  }

  /** Refuses new calls, waits for those under way, gives the lease back, ends the connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#lease.stop();
    await this.#sessions.end();
  }

  async #track<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  async #guarded<Result>(attempt: () => Promise<Result>, deadlineMs = NEVER): Promise<Result> {
    if (this.#isClosed) {
      throw new HalflapError('CLIENT_CLOSED', `shard ${this.name}: the fleet is closed`, {
        detail: { shard: this.name },
        hint: 'end the callers before close(), or open() a fleet of their own for them',
      });
    }
    if (leftOf(deadlineMs) === 0) throw this.#timedOut();
    await within(leftOf(deadlineMs), this.#lease.assertServed(), () => this.#timedOut());
    try {
      return await attempt();
    } catch (error) {
      if (isStalePlan(error)) this.#sessions.forgetPlans();
      if (isSignOfMove(error) || isUnreachable(error)) this.#lease.hurry();
      if (isFence(error)) throw this.#fenced(error);
      throw error;
    }
  }

  async #withConnection<Result>(
    deadlineMs: number,
    work: (client: PoolClient) => Promise<Result>,
  ): Promise<Result> {
    const late = () => this.#timedOut();
    const giveBack = (client: PoolClient) => this.#sessions.give(client, 'keep');
    const client = await within(leftOf(deadlineMs), this.#sessions.take(), late, giveBack);
    let isLate = false;
    const lateWork = () => {
      isLate = true;
      return this.#timedOut();
    };
    try {
      const result = await within(leftOf(deadlineMs), work(client), lateWork);
      this.#sessions.give(client, endsBinding(result) ? 'rebind' : 'keep');
      return result;
    } catch (error) {
      if (isLate) void this.#sessions.abandon(client);
      else
        this.#sessions.give(client, leavesConnectionUsable(error) ? fateAfter(error) : 'discard');
      throw error;
    }
  }

  async #transact<Result>(
    begin: string,
    body: (client: ClientBase) => Promise<Result>,
  ): Promise<Result> {
    const client = await this.#sessions.take();
    let fate: Fate = 'discard';
    try {
      await client.query(begin);
      const result = await body(client);
      const ended = await client.query('commit');
      fate = 'keep';
      if (ended.command !== 'COMMIT') throw this.#rolledBack();
      return result;
    } catch (error) {
      // A connection that cannot roll back is broken, and PostgreSQL has done it; the first error
      // counts.
      const isOver = fate === 'keep' || (await succeeds(client.query('rollback')));
      fate = isOver ? fateAfter(error) : 'discard';
      throw error;
    } finally {
      this.#sessions.give(client, fate);
    }
  }

  #fenced(cause: unknown): HalflapError {
    const status = this.#lease.status;
    if (!isServed(status.mode)) return notServed(status, this.#settings, cause);
    const hint = 'install the release that the shard serves on this server';
    return notServed(
      { ...status, mode: 'refused', reason: 'it has been contracted', hint },
      this.#settings,
      cause,
    );
  }

  #timedOut(): HalflapError {
    return new HalflapError('CLIENT_TIMED_OUT', `shard ${this.name}: no result within timeoutMs`, {
      detail: { shard: this.name },
      hint: 'read what the statement would have changed before it is repeated',
    });
  }

  #rolledBack(): HalflapError {
    return new HalflapError(
      'CLIENT_ROLLED_BACK',
      `shard ${this.name}: the transaction was rolled back at commit`,
      {
        detail: { shard: this.name },
        hint: 'a statement failed and the body went on; let its error pass, or use a savepoint',
      },
    );
  }
}

function send<Row extends QueryResultRow>(
  client: ClientBase,
  statement: Statement,
  values: readonly unknown[] | undefined,
): Promise<QueryResult<Row>> {
  return client.query<Row>(statement, values === undefined ? undefined : [...values]);
}

/** What it did may have undone the binding: `reset all`, `discard all`. */
function endsBinding(result: unknown): boolean {
  const all: unknown[] = Array.isArray(result) ? result : [result];
  return all.some((one) => {
    const isResult = typeof one === 'object' && one !== null && 'command' in one;
    return isResult && (one.command === 'DISCARD' || one.command === 'RESET');
  });
}

/** A relation that is missing may be one of a binding that somebody has undone. */
function fateAfter(error: unknown): Fate {
  if (isStalePlan(error)) return 'discard';
  return isSignOfMove(error) ? 'rebind' : 'keep';
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

/** A deadline that does not come. */
const NEVER = Number.POSITIVE_INFINITY;

function leftOf(deadlineMs: number): number | undefined {
  if (deadlineMs === NEVER) return undefined;
  return Math.max(0, deadlineMs - performance.now());
}

function isUnreachable(error: unknown): boolean {
  return error instanceof HalflapError && error.code === 'SHARD_UNREACHABLE';
}
