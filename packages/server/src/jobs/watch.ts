// A job as it goes on: how far it is, what its hosts write, and what becomes of each. A look asks
// the shards for what has changed since the one before, and not for all hosts.
//
// Invariant: everything is told by the end. What a look may miss (a transaction that was open for
// longer than looks overlap) the last one finds, which is at all hosts, once the job has ended.

import { asHalflapError } from '../api/problem.js';
import type { Store } from '../store/store.js';
import { awaited } from './give-up.js';
import { type Piece, readOutput } from './output.js';
import { RUN_COLUMNS, RUNS, type RunRow } from './queries.js';
import { isOpen, type RunState } from './run.js';
import type { HostCondition } from './target.js';

export interface Watched<Job> {
  readonly job: string;
  /** Which hosts: a condition on `h`. */
  readonly where: HostCondition;
  /** The job as it is now. */
  see(): Promise<Job>;
}

export type Change<Job> =
  /** It has changed; the last of all is the one that has ended. */
  | { readonly kind: 'job'; readonly job: Job }
  /** The state of a host has changed. */
  | { readonly kind: 'run'; readonly run: RunRow }
  | { readonly kind: 'piece'; readonly run: RunRow; readonly piece: Piece }
  /** Shards that do not answer, whose hosts are told of later; told when others do not. */
  | { readonly kind: 'silent'; readonly shards: readonly string[] };

const LOOK_MS = 1000;
/** Looks overlap by more than a transaction that writes a run takes. */
const OVERLAP_SECONDS = 5;
/** How long a shard is waited for. */
const ANSWER_MS = 5000;
/** Runs that are asked for at once. */
const PAGE = 500;

/** Yields what is there, then what changes, and ends when the job has. */
export async function* watchJob<Job extends { readonly endedAt: string | null }>(
  store: Store,
  watched: Watched<Job>,
  signal: AbortSignal,
): AsyncGenerator<Change<Job>, void, undefined> {
  const told: Told = new Map();
  const shards = store.fleet.names.map((name) => new ShardRuns(store, name, watched));
  let [toldJob, toldSilent] = ['', ''];
  while (!signal.aborted) {
    // Before the runs: once it has ended, all of them have.
    const job = await seen(watched);
    const hasEnded = job !== undefined && job.endedAt !== null;
    const silent = job === undefined ? [store.home.name] : [];
    if (job !== undefined && !hasEnded && JSON.stringify(job) !== toldJob) {
      toldJob = JSON.stringify(job);
      yield { kind: 'job', job };
    }
    for await (const { run, shard } of inOrder(shards, hasEnded)) {
      yield* shard.heard(tell({ store, watched, told }, run));
    }
    for (const shard of shards) {
      if (!shard.endLook() && !silent.includes(shard.name)) silent.push(shard.name);
    }
    if (silent.join() !== toldSilent) yield { kind: 'silent', shards: silent };
    toldSilent = silent.join();
    if (hasEnded && (await isTold(store, watched.job, silent))) {
      yield { kind: 'job', job };
      return;
    }
    await pause(signal);
  }
}

/** Whether no shard that is silent has a host of the job that was not given up. */
async function isTold(store: Store, job: string, silent: readonly string[]): Promise<boolean> {
  if (silent.length === 0) return true;
  if (silent.includes(store.home.name)) return false;
  return (await awaited(store, job, silent)).length === 0;
}

/** Undefined while the home shard is away. */
async function seen<Job>({ see }: Watched<Job>): Promise<Job | undefined> {
  try {
    return await see();
  } catch (error) {
    if (asHalflapError(error).code !== 'STORE_UNAVAILABLE') throw error;
    return undefined;
  }
}

type ChangedRow = RunRow & { readonly output_next: number };

/** What is told of runs, so that it is told once; of all shards, since buckets move. */
type Told = Map<string, { state: RunState | null; next: number }>;

interface Looking {
  readonly store: Store;
  readonly watched: Pick<Watched<unknown>, 'job'>;
  readonly told: Told;
}

/** What has changed on all shards, by the hosts' names. */
async function* inOrder(shards: readonly ShardRuns[], isLast: boolean) {
  const lists = await Promise.all(
    shards.map(async (shard) => {
      const runs = shard.heard(shard.look(isLast));
      return { shard, runs, next: await runs.next() };
    }),
  );
  for (;;) {
    const [first, ...others] = lists.filter(({ next }) => next.done !== true);
    if (first === undefined) return;
    const name = ({ next }: typeof first) => (next.value as ChangedRow).hostname;
    const least = others.reduce((one, other) => (name(other) < name(one) ? other : one), first);
    yield { run: least.next.value as ChangedRow, shard: least.shard };
    least.next = await least.runs.next();
  }
}

async function* tell(
  { store, watched, told: all }: Looking,
  run: ChangedRow,
): AsyncGenerator<Change<never>, void, undefined> {
  const told = all.get(run.id) ?? { state: null, next: 0 };
  all.set(run.id, told);
  // What a bucket has left behind may be older than what was told.
  const isNew = told.state !== run.state && (told.state === null || isOpen(told.state));
  if (isNew && isOpen(run.state)) {
    yield { kind: 'run', run };
    told.state = run.state;
  }
  while (told.next < run.output_next) {
    const output = await readOutput(store, { job: watched.job, host: run.host_id }, told.next);
    for (const piece of output?.pieces ?? []) yield { kind: 'piece', run, piece };
    // What was left out has numbers, and no pieces.
    told.next = output?.isCut ? output.next : Math.max(run.output_next, output?.next ?? 0);
  }
  // An end comes after all that was written before it.
  if (!isNew || isOpen(run.state)) return;
  yield { kind: 'run', run };
  told.state = run.state;
}

/** The runs of the job on one shard. */
class ShardRuns {
  readonly name: string;
  readonly #store: Store;
  readonly #watched: Pick<Watched<unknown>, 'job' | 'where'>;
  /** Of the last look that was answered, by the clock of `performance`; null: there was none. */
  #lookedAtMs: number | null = null;
  #beganAtMs = 0;
  #hasAnswered = true;

  constructor(store: Store, name: string, watched: Pick<Watched<unknown>, 'job' | 'where'>) {
    this.name = name;
    this.#store = store;
    this.#watched = watched;
  }

  /** @param isLast at all of its runs, whatever has changed */
  async *look(isLast: boolean): AsyncGenerator<ChangedRow, void, undefined> {
    this.#beganAtMs = performance.now();
    this.#hasAnswered = true;
    const before = isLast ? null : this.#lookedAtMs;
    const since = before === null ? null : (this.#beganAtMs - before) / 1000 + OVERLAP_SECONDS;
    let rows: readonly ChangedRow[];
    let after: ChangedRow | undefined;
    do {
      rows = await this.#changed(since, after);
      yield* rows;
      after = rows.at(-1);
    } while (rows.length === PAGE);
  }

  /** Passes on what the shard says, until it says nothing more. */
  async *heard<Said>(what: AsyncGenerator<Said>): AsyncGenerator<Said, void, undefined> {
    try {
      yield* what;
    } catch (error) {
      if (asHalflapError(error).code !== 'STORE_UNAVAILABLE') throw error;
      this.#hasAnswered = false;
    }
  }

  /** @returns whether it has answered; what it has not said then is asked for again. */
  endLook(): boolean {
    if (this.#hasAnswered) this.#lookedAtMs = this.#beganAtMs;
    return this.#hasAnswered;
  }

  async #changed(sinceSeconds: number | null, after: ChangedRow | undefined) {
    const { job, where } = this.#watched;
    const [jobAt, sinceAt, nameAt, idAt] = [1, 2, 3, 4].map((n) => `$${where.values.length + n}`);
    const { rows } = await this.#store.fleet.shard(this.name).query<ChangedRow>(
      `select ${RUN_COLUMNS}, r.output_next
       from ${RUNS}
       left join hosts as h on h.id = r.host_id
       cross join lateral (select now() - make_interval(secs => ${sinceAt}) as since) as looked
       where (${where.text}) and r.job_id = ${jobAt}
         and (
           looked.since is null
           or greatest(r.released_at, r.sent_at, r.began_at, r.ended_at) >= looked.since
           or r.state = 'running' and looked.since <= (
             select o.at from job_output as o where o.run_id = r.id order by o.number desc limit 1
           )
         )
         and (r.hostname collate "C", r.id) > (${nameAt}, ${idAt}::uuid)
       order by r.hostname collate "C", r.id
       limit ${PAGE}`,
      [...where.values, job, sinceSeconds, after?.hostname ?? '', after?.id ?? NO_ID],
      { timeoutMs: ANSWER_MS },
    );
    return rows;
  }
}

const NO_ID = '00000000-0000-0000-0000-000000000000';

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, LOOK_MS);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
