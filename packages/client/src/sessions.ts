// The connections of one shard: a pool in which every connection is bound to the release before
// anyone uses it.
//
// Invariant: `take` gives connections that are bound, in no transaction, and hold no prepared
// statement from before the last stale plan; `takeUnbound` those for the shard's state alone, which
// must be read whatever binding a session needs and can have. `give` must be called exactly once
// for each; it decides by the state of the connection, not by the caller's hope, whether it may be
// used again.

import { HalflapError } from '@halflap/protocol';
import pg from 'pg';
import {
  type Binding,
  type BindingForm,
  type Bound,
  bindSession,
  poolConfig,
  releaseBinding,
} from './bind.js';
import { within } from './deadline.js';
import { isProtocolRefusal, messageOf } from './failure.js';
import { type Settings, type ShardTarget, withoutSecrets } from './options.js';
import { readLens, ThroughLens } from './through-lens.js';

/** What becomes of a connection: used again, used again once it is bound anew, or ended. */
export type Fate = 'keep' | 'rebind' | 'discard';

interface Membership extends Bound {
  /** The generation of plans that it may hold. */
  readonly generation: number;
  isBound: boolean;
}

export class Sessions {
  readonly #target: ShardTarget;
  readonly #shard: string;
  readonly #settings: Settings;
  readonly #onBroken: (error: Error) => void;
  #form: BindingForm = 'startup';
  #binding: Binding;
  #pool: pg.Pool;
  readonly #members = new WeakMap<pg.PoolClient, Membership>();
  #generation = 0;

  constructor(target: ShardTarget, settings: Settings, onBroken: (error: Error) => void) {
    this.#target = target;
    this.#shard = target.name;
    this.#settings = settings;
    this.#onBroken = onBroken;
    this.#binding = releaseBinding(settings);
    this.#pool = this.#newPool();
  }

  /** How statements change that do not work through the shard's lens as they are. */
  readonly lens = new ThroughLens('shard');
  /** The same, through the lens that each session brings along. */
  readonly #ownLens = new ThroughLens('own');
  #isOwnLensKnown = false;

  /** How its connections read values, unless a statement says otherwise. */
  get types(): pg.CustomTypesConfig {
    const given = 'pool' in this.#target ? this.#target.pool.types : undefined;
    return given ?? (pg.types as pg.CustomTypesConfig);
  }

  #newPool(): pg.Pool {
    const pool = new pg.Pool(poolConfig(this.#target, this.#settings, this.#form, this.#binding));
    const lens = this.#binding.lens === null ? this.lens : this.#ownLens;
    pool.on('error', this.#onBroken);
    // A connection in use that breaks between two statements would end the process without this;
    // the next statement on it reports the break.
    pool.on('connect', (client: pg.PoolClient) => {
      client.on('error', () => {});
      lens.attach(client);
    });
    return pool;
  }

  /**
   * A bound connection; waits in line for one. @throws SHARD_UNREACHABLE after connectTimeoutMs.
   */
  async take(): Promise<pg.PoolClient> {
    const client = await this.takeUnbound();
    if (this.#members.get(client)?.isBound !== true) await this.#bind(client);
    return client;
  }

  /** The same, for what needs no release. */
  async takeUnbound(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#connect();
      const member = this.#members.get(client);
      if (member === undefined || member.generation >= this.#generation) return client;
      client.release(true);
    }
  }

  /**
   * How connections are bound from now on. Those that are bound otherwise end: idle ones at once,
   * the others as each is given back.
   */
  bindBy(binding: Binding): void {
    if (binding.searchPath === this.#binding.searchPath) return;
    this.#binding = binding;
    this.#replacePool();
  }

  /** Gives a connection back. One that is still in a transaction is ended, which rolls it back. */
  give(client: pg.PoolClient, fate: Fate): void {
    const isOpen = fate !== 'discard' && isInTransaction(client);
    if (isOpen) {
      this.#settings.log({
        level: 'warn',
        shard: this.#shard,
        message: 'a call left its transaction open; it was rolled back: use transaction()',
      });
    }
    const member = this.#members.get(client);
    if (fate === 'rebind' && member !== undefined) member.isBound = false;
    client.release(isOpen || fate === 'discard');
  }

  /** Ends every connection that is open now, as each is taken next: their plans are out of date. */
  forgetPlans(): void {
    this.#generation += 1;
  }

  /**
   * Ends a connection whose statement is still running, and asks PostgreSQL to cancel that
   * statement.
   */
  async abandon(client: pg.PoolClient): Promise<void> {
    const pid = this.#members.get(client)?.pid;
    client.release(true);
    if (pid === undefined) return;
    // Best effort: a shard that cannot be asked will notice the closed connection by itself.
    const other = await this.take().catch(() => undefined);
    if (other === undefined) return;
    const cancelled = other.query('select pg_catalog.pg_cancel_backend($1)', [pid]);
    await cancelled.then(
      () => this.give(other, 'keep'),
      () => this.give(other, 'discard'),
    );
  }

  /**
   * Ends all connections, once those in use are given back; gives up waiting at connectTimeoutMs.
   */
  async end(): Promise<void> {
    const late = () => this.#unreachable('connections did not close in time');
    await within(this.#settings.connectTimeoutMs, this.#pool.end(), late).catch(() => {});
  }

  async #connect(): Promise<pg.PoolClient> {
    const pool = this.#pool;
    try {
      const client = await pool.connect();
      if (pool === this.#pool) return client;
      client.release(true);
    } catch (cause) {
      if (isProtocolRefusal(cause) && this.#form === 'startup') {
        this.#bindByStatementAlone(messageOf(cause));
      }
      if (pool === this.#pool) throw this.#noConnection(pool, cause);
    }
    // Replaced just now, or by a call that waited beside this one.
    this.#retire(pool);
    return this.#connect();
  }

  #noConnection(pool: pg.Pool, cause: unknown): HalflapError {
    const { totalCount, waitingCount } = pool;
    if (!isQueueTimeout(cause) || totalCount < this.#settings.poolSize) {
      return this.#unreachable(`no connection: ${messageOf(cause)}`, cause);
    }
    const what = `all ${totalCount} connections in use, ${waitingCount} other calls waiting`;
    return this.#unreachable(what, cause, 'raise poolSize or shorten the transactions');
  }

  /** Poolers that refuse the startup option refuse it always; the whole pool goes on without. */
  #bindByStatementAlone(why: string): void {
    const message = `bound by statement alone, startup options refused: ${withoutSecrets(why)}`;
    this.#settings.log({ level: 'info', shard: this.#shard, message });
    this.#form = 'statement';
    this.#replacePool();
  }

  #replacePool(): void {
    const pool = this.#pool;
    this.#pool = this.#newPool();
    this.#retire(pool);
  }

  /** A pool that has been replaced ends with the last call that waits in it, which it forgets. */
  #retire(pool: pg.Pool): void {
    if (pool.waitingCount === 0 && !pool.ending) void pool.end();
  }

  async #bind(client: pg.PoolClient): Promise<void> {
    try {
      const bound = await within(
        this.#settings.connectTimeoutMs,
        this.#bound(client, this.#binding),
        () => new Error('no answer in time'),
      );
      this.#members.set(client, { ...bound, generation: this.#generation, isBound: true });
    } catch (cause) {
      client.release(true);
      throw this.#unreachable(`cannot bind a connection: ${messageOf(cause)}`, cause);
    }
  }

  /** What a session's own lens takes follows from the bundle: the first one tells it of all. */
  async #bound(client: pg.PoolClient, binding: Binding): Promise<Bound> {
    const bound = await bindSession(client, this.#settings, binding);
    if (binding.lens !== null && !this.#isOwnLensKnown) {
      this.#ownLens.use(await readLens(client, this.#settings, 'own'));
      this.#isOwnLensKnown = true;
    }
    return bound;
  }

  #unreachable(what: string, cause?: unknown, hint = DEAD_HINT): HalflapError {
    const message = `shard ${this.#shard}: ${withoutSecrets(what)}`;
    return new HalflapError('SHARD_UNREACHABLE', message, {
      detail: { shard: this.#shard },
      hint,
      cause,
    });
  }
}

const DEAD_HINT =
  'check that the database runs and that this host may reach it; the client tries again by itself';

/**
 * The pool's own error for a wait in line: of all it throws, the only one with neither code nor
 * cause.
 */
function isQueueTimeout(error: unknown): boolean {
  return error instanceof Error && !('code' in error) && error.cause === undefined;
}

/** Older drivers cannot tell; with them, a transaction left open is the caller’s. */
function isInTransaction(client: pg.PoolClient): boolean {
  if (typeof client.getTransactionStatus !== 'function') return false;
  const status = client.getTransactionStatus();
  return status !== null && status !== 'I';
}
