// A random walk through the states of runs: drivers and sessions that are current, and such that
// others have followed, do what they can in any order. No run leaves its paths, its end never
// changes, and whoever is late changes nothing.

import { randomUUID } from 'node:crypto';
import { RESULT_STATES, type Result } from '@halflap/protocol/agent';
import { bucketOf, createJob, RUN_STATES, type RunState } from '@halflap/server';
import type { ClientBase } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver, loseForgotten } from '../../packages/server/src/jobs/handover.js';
import { JOB_COLUMNS, type JobRow } from '../../packages/server/src/jobs/job.js';
import { keepOutput } from '../../packages/server/src/jobs/output.js';
import { noteBegun, noteEnded } from '../../packages/server/src/jobs/results.js';
import {
  type Candidate,
  DUE,
  type Due,
  giveTurn,
  makeRuns,
  raiseFence,
  release,
  settle,
} from '../../packages/server/src/jobs/transitions.js';
import { type Random, randomFrom } from '../oracle/random.js';
import { openTestStore, type TestStore } from './store.js';

const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);
const HOSTS = 4;
const WALKS = 8;
const STEPS = 70;

let test: TestStore;

beforeAll(async () => {
  test = await openTestStore(1);
});

afterAll(() => test.drop());

type Row = {
  readonly id: string;
  readonly host_id: string;
  readonly state: RunState;
  readonly order_text: string | null;
  readonly line: string;
};

/** Who does something, and what that may change. */
interface Act {
  readonly name: string;
  /** Somebody else has followed him. */
  readonly isLate: boolean;
  readonly paths: Readonly<Partial<Record<RunState, readonly RunState[]>>>;
  readonly does: (client: ClientBase) => Promise<unknown>;
}

const ENDS = ['expired', 'skipped', 'cancelled'] as const;

class Walk {
  readonly hosts: readonly string[] = Array.from({ length: HOSTS }, () => randomUUID());
  readonly #random: Random;
  readonly #fences = new Map<string, number>(this.hosts.map((host) => [host, 1]));
  #driver = 1;
  #stop: JobRow['stop_kind'] = null;
  #job: JobRow | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  async begin(): Promise<void> {
    for (const host of this.hosts) {
      await this.#write((client) =>
        client.query(
          `insert into hosts (id, bucket, state, hostname, fence, server, session_expires_at)
           values ($1, $2, 'active', 'web', 1, 'one', now() + interval '1 hour')`,
          [host, bucketOf(host)],
        ),
      );
    }
    const id = await this.#write((client) =>
      createJob(client, this.hosts, {
        spec: { name: 'walk', work: { kind: 'file', path: '/etc/hosts' } },
        ...{ about: {}, digest: '', by: 'anna' },
      }),
    );
    const { rows } = await test.store.home.query<JobRow>(
      `select ${JOB_COLUMNS} from jobs as j where id = $1`,
      [id],
    );
    this.#job = rows[0];
    const runs = this.hosts.map((host) => ({ host, batch: 0 }));
    await this.#write((client) => makeRuns(client, this.#driven(1), runs));
  }

  async rows(): Promise<Row[]> {
    const { rows } = await test.store.home.query<Row>(
      `select id, host_id, state, order_text,
         (to_jsonb(r) - array['said_later', 'output_next', 'output_kept_bytes'])::text as line
       from job_runs as r where job_id = $1 order by id`,
      [this.#job?.id],
    );
    return rows;
  }

  async act(rows: readonly Row[]): Promise<string> {
    const act = this.#random.percent(50) ? this.#driverAct(rows) : this.#sessionAct(rows);
    await this.#write(act.does);
    const after = await this.rows();
    for (const [at, before] of rows.entries()) {
      const now = after[at];
      const said = `${act.name}: ${before.state} → ${now?.state}`;
      if (now === undefined) throw new Error(`${said}: the run is missing`);
      if (act.isLate || isEnd(before.state)) expect(now.line, said).toBe(before.line);
      if (now.state !== before.state) expect(act.paths[before.state], said).toContain(now.state);
      if (before.order_text !== null && !isEnd(now.state)) {
        expect(now.order_text, said).toBe(before.order_text);
      }
    }
    return act.name;
  }

  /** Time passes: the deadline of some run is over, a host goes, comes, or is revoked. */
  async chance(rows: readonly Row[]): Promise<void> {
    const { id, host_id: host } = this.#random.pick(rows);
    const changes: readonly (readonly [string, string])[] = [
      ['update job_runs set deadline_at = now() where id = $1 and deadline_at is not null', id],
      ['update job_runs set begin_before = now() where id = $1 and begin_before is not null', id],
      [`update hosts set session_expires_at = now() where id = $1`, host],
      [`update hosts set session_expires_at = now() + interval '1 hour' where id = $1`, host],
      [`update hosts set session_expires_at = now() + interval '1 hour' where id = $1`, host],
    ];
    const [sql, value] = this.#random.pick(changes);
    await this.#write((client) => client.query(sql, [value]));
    if (this.#random.percent(10)) {
      this.#stop ??= this.#random.pick(['cancelled', 'failures', 'timeout'] as const);
    }
    if (this.#random.percent(30)) {
      const fence = (this.#fences.get(host) ?? 0) + 1;
      this.#fences.set(host, fence);
      await this.#write((client) =>
        client.query('update hosts set fence = $2 where id = $1', [host, fence]),
      );
    }
  }

  /** A stop, all hosts away and all deadlines over: everything ends. */
  async end(): Promise<void> {
    this.#stop = 'cancelled';
    await this.#write((client) =>
      client.query('update hosts set session_expires_at = now() where id = any($1::uuid[])', [
        this.hosts,
      ]),
    );
    for (let turn = 0; turn < 2; turn += 1) {
      await this.#write((client) => this.#settle(client, this.#driver));
      await this.#write((client) =>
        client.query('update job_runs set deadline_at = now() where job_id = $1', [this.#job?.id]),
      );
    }
  }

  #driverAct(rows: readonly Row[]): Act {
    const isNew = this.#random.percent(15);
    if (isNew) this.#driver += 1;
    const fence = isNew || this.#random.percent(75) ? this.#driver : this.#driver - 1;
    const driven = this.#driven(fence);
    const isLate = fence < this.#driver && fence > 0;
    const waiting = rows.filter(({ state }) => state === 'waiting');
    const acts: readonly Omit<Act, 'isLate'>[] = [
      {
        ...{ name: 'giveTurn', paths: {} },
        does: (client) => giveTurn(client, driven, this.hosts),
      },
      {
        ...{ name: 'release', paths: { waiting: ['released'] } },
        does: async (client) => {
          const candidates = await client.query<Candidate>(
            `select id, host_id, begin_before from job_runs
             where id = any($1::uuid[]) and begin_before is not null`,
            [waiting.map(({ id }) => id)],
          );
          await release(client, driven, candidates.rows);
        },
      },
      {
        name: 'settle',
        paths: {
          waiting: ENDS,
          released: ['waiting', ...ENDS],
          sent: ['lost', 'cancelled'],
          running: ['lost', 'cancelled'],
        },
        does: (client) => this.#settle(client, fence),
      },
    ];
    // As a driver does first of all.
    if (isNew) {
      return {
        ...{ name: 'takeOver', isLate: false, paths: {} },
        does: (client) => raiseFence(client, driven, this.hosts),
      };
    }
    return { ...this.#random.pick(acts), isLate };
  }

  #sessionAct(rows: readonly Row[]): Act {
    const { id: run, host_id: host } = this.#random.pick(rows);
    const current = this.#fences.get(host) ?? 0;
    const fence = this.#random.percent(75) ? current : current - 1;
    const session = { host, fence };
    const state = this.#random.pick(RESULT_STATES);
    const at = '2026-01-02T03:04:05Z';
    const startedAt = this.#random.percent(50) ? at : null;
    const result: Result = {
      ...{ state, exitCode: 0, signal: null, message: 'told', startedAt, endedAt: at },
      ...{ outputBytes: 0, droppedBytes: 0 },
    };
    const piece = { type: 'output', run, number: 0, stream: 'stdout', text: 'x' } as const;
    const acts: readonly Omit<Act, 'isLate'>[] = [
      {
        ...{ name: 'handOver', paths: { released: ['sent'] } },
        does: (client) => handOver(client, [session], this.#random.percent(50)),
      },
      {
        ...{ name: 'noteBegun', paths: { released: ['running'], sent: ['running'] } },
        does: (client) => noteBegun(client, session, { type: 'begun', run, at }),
      },
      {
        name: 'noteEnded',
        paths: {
          released: [...RESULT_STATES, 'expired'],
          sent: [...RESULT_STATES, 'expired'],
          running: [...RESULT_STATES, 'expired'],
        },
        does: (client) => noteEnded(client, session, run, result),
      },
      {
        ...{ name: 'loseForgotten', paths: { running: ['lost'] } },
        does: (client) => loseForgotten(client, session, this.#random.percent(70) ? [run] : []),
      },
      { name: 'keepOutput', paths: {}, does: (client) => keepOutput(client, session, piece) },
    ];
    return { ...this.#random.pick(acts), isLate: fence < current };
  }

  async #settle(client: ClientBase, fence: number): Promise<void> {
    const driven = this.#driven(fence);
    const { id, stop_kind: kind } = driven.job;
    const due = await client.query<Due>(DUE, [id, kind, 'stopped', 1000]);
    await settle(client, driven, due.rows);
  }

  #driven(fence: number) {
    if (this.#job === undefined) throw new Error('the walk has not begun');
    return { job: { ...this.#job, stop_kind: this.#stop }, fence };
  }

  #write<Value>(body: (client: ClientBase) => Promise<Value>): Promise<Value> {
    return test.store.home.transaction(body);
  }
}

/** States that walks have to come to: else they prove little. */
const REACHED = ['waiting', 'released', 'sent', 'running', 'succeeded', 'lost'] as const;

function isEnd(state: RunState): boolean {
  return RUN_STATES.indexOf(state) > RUN_STATES.indexOf('running');
}

describe(`a run (HALFLAP_SEED=${SEED})`, () => {
  it('keeps to its states, whoever does what in which order', async () => {
    const random = randomFrom(SEED);
    const seen = new Set<string>();
    const isMissing = () => REACHED.some((state) => !seen.has(state));
    // Chance alone may lead past a state in so few walks.
    for (let walk = 0; walk < (isMissing() ? 10 * WALKS : WALKS); walk += 1) {
      const runs = new Walk(random);
      await runs.begin();
      for (let step = 0; step < STEPS; step += 1) {
        const before = await runs.rows();
        for (const { state } of before) seen.add(state);
        if (random.percent(20)) await runs.chance(before);
        else await runs.act(before);
      }
      await runs.end();
      const last = await runs.rows();
      expect(last).toHaveLength(HOSTS);
      for (const { state } of last) expect(isEnd(state), state).toBe(true);
    }
    expect([...seen]).toEqual(expect.arrayContaining([...REACHED]));
  });
});
