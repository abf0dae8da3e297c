// What a job is on each of its hosts: the list, one host, its output, and its output live.

import { Type } from 'typebox';
import { type Pieces, readOutput } from '../../jobs/output.js';
import { RUN_COLUMNS, RUNS, type RunRow } from '../../jobs/queries.js';
import { RUN_STATES } from '../../jobs/run.js';
import { askHome } from '../../store/home.js';
import type { Scope } from '../caller.js';
import { fleetPage } from '../fleet-page.js';
import { type JobOutput, JobRun, jobRunOf, JobOutput as Output } from '../job-shapes.js';
import { found, live, type Route, read } from '../route.js';
import { count, fleetPageOf, id, limitOf, name, oneOf, paging } from '../shapes.js';
import { type JobApi, within } from './jobs.js';

const FROM = `${RUNS} left join hosts h on h.id = r.host_id`;
/** What tells one run. */
const params = { id: id(), host: id() };

export function jobRunRoutes(api: JobApi): readonly Route[] {
  return [listOf(api), oneRun(api), outputOf(api), liveOf(api)];
}

function listOf(api: JobApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/jobs/:id/runs',
    summary: 'The hosts of a job, by name, and what became of it on each.',
    permission: 'jobs:read',
    params: { id: id() },
    query: {
      ...paging,
      state: Type.Optional(Type.Array(oneOf(RUN_STATES), { maxItems: RUN_STATES.length })),
      search: Type.Optional(name()),
      total: Type.Optional(Type.Boolean({ description: 'Count them, too.' })),
    },
    answer: fleetPageOf(JobRun),
    async handle({ params: { id: job }, query, scope }) {
      const { cursor, total = false, state, search } = query;
      const conditions = within(scope);
      conditions.add(`r.job_id = ${conditions.place(job)}`);
      if (state !== undefined) conditions.add(`r.state = any(${conditions.place(state)}::text[])`);
      if (search !== undefined) {
        conditions.add(`strpos(lower(r.hostname), lower(${conditions.place(search)})) > 0`);
      }
      const list = {
        ...{ columns: RUN_COLUMNS, from: FROM, conditions, direction: 'asc' as const, id: 'r.id' },
        sort: { expression: 'r.hostname collate "C"', type: 'text' },
        mark: { runs: job, state, search },
      };
      const asked = { limit: limitOf(query), cursor, total };
      const page = await fleetPage<RunRow>(api, list, asked);
      const { rows, next, shards } = page;
      return { items: rows.map(jobRunOf), next, total: page.total, shards };
    },
  });
}

function oneRun(api: JobApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/jobs/:id/runs/:host',
    summary: 'What became of a job on one host.',
    permission: 'jobs:read',
    params,
    answer: JobRun,
    handle: async ({ params: asked, scope }) => jobRunOf(await readRun(api, asked, scope)),
  });
}

function outputOf(api: JobApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/jobs/:id/runs/:host/output',
    summary: 'What a job wrote on one host, piece by piece.',
    permission: 'jobs:read',
    params,
    query: { from: Type.Optional(count()) },
    answer: Output,
    async handle({ params: asked, query, scope }) {
      const { host_id: host, job_id: job } = await readRun(api, asked, scope);
      const read = await readOutput(api.store, { job, host }, query.from ?? 0);
      return outputShapeOf(found(read, `job ${job} on host ${host}`));
    },
  });
}

function liveOf(api: JobApi): Route {
  return live({
    method: 'GET',
    path: '/api/v1/jobs/:id/runs/:host/output/live',
    summary:
      'The output of a job on one host as it comes: events `output`, the last one with its end.',
    permission: 'jobs:read',
    params,
    query: { from: Type.Optional(count()) },
    async handle({ params: asked, query, scope, signal }) {
      const { host_id: host, job_id: job } = await readRun(api, asked, scope);
      return async (view) => {
        const from = Number(view.lastEventId ?? query.from ?? 0);
        const start = Number.isSafeInteger(from) && from >= 0 ? from : 0;
        const all = api.jobs.follow({ job, host, from: start }, signal);
        for await (const pieces of all) {
          const data = outputShapeOf(pieces);
          if (!view.send({ id: String(pieces.next), event: 'output', data })) return;
          await view.room();
        }
      };
    },
  });
}

/** @throws API_NOT_FOUND, also when the host is out of the scope; STORE_UNAVAILABLE */
async function readRun(
  { store }: JobApi,
  { id: job, host }: { readonly id: string; readonly host: string },
  scope: Scope,
): Promise<RunRow> {
  const conditions = within(scope);
  conditions.add(`r.job_id = ${conditions.place(job)}`);
  conditions.add(`r.host_id = ${conditions.place(host)}`);
  const sql = `select ${RUN_COLUMNS} from ${FROM} where ${conditions.text}`;
  const read = async () => (await store.readHost<RunRow>(host, sql, conditions.values))[0];
  // Of a host whose shard is away the home shard knows whether it was given up.
  const row = await read().catch(async (error: unknown) => {
    const [givenUp] = await askHome<RunRow>(store, sql, conditions.values);
    if (givenUp === undefined) throw error;
    return givenUp;
  });
  return found(row, `job ${job} on host ${host}`);
}

function outputShapeOf({ state, pieces, droppedBytes, next, isCut }: Pieces): JobOutput {
  return {
    state,
    pieces: pieces.map((piece) => ({ ...piece, at: piece.at.toISOString() })),
    droppedBytes,
    next,
    more: isCut,
  };
}
