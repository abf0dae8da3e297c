// The pace of a backfill that is under way: set by an operator, in the middle of a run, and by
// clients that wait behind it. A gate holds each batch, its rows locked, until the test lets it go.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb } from './advance.js';
import { setPace } from './pace.js';
import { divergence, installByHand } from './testing/hand-bundle.js';

const ROWS = 2000;
const FILL = 'expand/fill-items';
/** The rows of a page are counted by its time; so long a time lets each be as large as it may. */
const UNHURRIED = { batchTargetMs: 1e9, batchLockTimeoutMs: 400 };

let database: FreshDatabase;
let session: Session;
let bundle: Bundle;

beforeEach(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  bundle = gated(
    await installByHand(database.url, {
      rows: `select n, 'item ' || n, n % 7 from generate_series(1, ${ROWS}) n`,
    }),
  );
  // A sequence counts at once, while a row would be seen only when the batch is through.
  await session.query(`create table gate (let_in int not null);
    insert into gate values (0);
    create sequence at_gate;
    create function pass() returns void language plpgsql as $$
    declare mine bigint := nextval('at_gate');
    begin
      while (select let_in from gate) < mine loop perform pg_sleep(0.001); end loop;
    end $$`);
  await runVerb({ url: database.url, shard: 'eu1', bundle, verb: 'prepare' });
  return async () => {
    await session.end();
    await database.drop();
  };
});

const shardOf = () => ({ url: database.url, shard: 'eu1', app: bundle.app });

/** Each batch passes the gate when it has its rows and has carried them. */
function gated(whole: Bundle): Bundle {
  const expand = whole.steps.expand.map((step) =>
    step.kind === 'backfill' ? { ...step, batch: [...step.batch, 'select public.pass()'] } : step,
  );
  return { ...whole, steps: { ...whole.steps, expand } };
}

interface Filling {
  readonly done: Promise<unknown>;
  /** Sizes of the batches so far, as they were asked for. */
  readonly sizes: number[];
  /** Resolves when the n-th batch, from 1, stands at the gate. */
  reaches(batch: number): Promise<void>;
  /** Opens the gate for all batches up to this one, and for all others without one. */
  letIn(batch?: number): Promise<void>;
}

function startFilling(): Filling {
  const sizes: number[] = [];
  const done = runVerb({
    url: database.url,
    shard: 'eu1',
    bundle,
    verb: 'expand',
    limits: UNHURRIED,
    onProgress: ({ step, waitingFor, batchRows }) => {
      if (step === FILL && waitingFor === null) sizes.push(batchRows);
    },
  });
  done.catch(() => {});
  return {
    done,
    sizes,
    reaches: (batch) =>
      until(`(select is_called and last_value >= ${batch} from at_gate)
        and (select wait_event from pg_stat_activity
             where datname = current_database() and application_name = 'halflap/${FILL}')
          = 'PgSleep'`),
    async letIn(batch = ROWS) {
      await session.query('update gate set let_in = $1', [batch]);
    },
  };
}

async function until(condition: string): Promise<void> {
  const holds = async () => {
    const [row] = await session.query<{ holds: boolean | null }>(`select (${condition}) as holds`);
    return row?.holds === true;
  };
  while (!(await holds()));
}

describe('the pace of a backfill under way', () => {
  it('is the one that an operator sets, from the next batch on, up and down', async () => {
    await setPace(shardOf(), { batchRows: 100 });
    const filling = startFilling();
    await filling.reaches(1);
    await setPace(shardOf(), { batchRows: 30 });
    await filling.letIn(1);
    await filling.reaches(2);
    await setPace(shardOf(), { batchRows: 400 });
    await filling.letIn();
    await filling.done;
    // It grows from the least that a runner chooses by itself, to twice its size at most.
    expect(filling.sizes.slice(0, 6)).toEqual([100, 30, 50, 100, 200, 400]);
    expect(Math.max(...filling.sizes)).toBe(400);
    expect(await divergence(session)).toEqual([]);
  });

  it('ends a long rest when the operator shortens it', async () => {
    await setPace(shardOf(), { batchRows: 500, paceMs: 3_600_000 });
    const filling = startFilling();
    await filling.letIn(1);
    await until('(select rows_done from halflap.progress where not is_done) = 500');
    await setPace(shardOf(), { paceMs: 0 });
    await filling.letIn();
    expect(await filling.done).toMatchObject({ phase: 'dual' });
  });

  it('lets an operator pause in the midst of a long rest, and resume', async () => {
    await setPace(shardOf(), { batchRows: 500, paceMs: 3_600_000 });
    const filling = startFilling();
    await filling.letIn();
    await until('(select rows_done from halflap.progress where not is_done) = 500');
    await setPace(shardOf(), { paused: true });
    await expect(filling.done).rejects.toMatchObject({ code: 'PAUSED' });
    await setPace(shardOf(), { paused: false, paceMs: 0 });
    const again = startFilling();
    expect(await again.done).toMatchObject({ phase: 'dual' });
    expect(again.sizes).toHaveLength((ROWS - 500) / 500 + 1);
    expect(await divergence(session)).toEqual([]);
  });

  it('halves its batch when a client waits behind it, and grows again', async () => {
    await setPace(shardOf(), { batchRows: 200 });
    const filling = startFilling();
    await filling.reaches(1);
    const client = await connect(database.url, 'client');
    const waiting = client.query("update items set name = 'mine' where id = 100");
    // Other databases of the server have waits of their own.
    await until(`exists (
      select from pg_locks as l join pg_stat_activity as a on a.pid = l.pid
      where not l.granted and a.datname = current_database())`);
    const [now] = await session.query<{ at: string }>('select clock_timestamp()::text as at');
    // Whoever looks a second time has told what the first look saw.
    for (let looks = 0, last = now?.at; looks < 2; looks += 1) {
      const look = `(select query_start from pg_stat_activity
        where datname = current_database() and application_name = 'halflap/throttle')`;
      await until(`${look} > '${last}'`);
      const [found] = await session.query<{ at: string }>(`select ${look}::text as at`);
      last = found?.at;
    }
    await filling.letIn(1);
    await waiting;
    await filling.letIn();
    await filling.done;
    await client.end();
    expect(filling.sizes.slice(0, 3)).toEqual([200, 100, 200]);
    expect(await divergence(session)).toEqual([]);
  });
});
