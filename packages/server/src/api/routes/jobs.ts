// Jobs: what a target gives, jobs that are made, cancelled and tried again, the list.
//
// Whoever may run jobs on some hosts only makes jobs on those, and cancels none that has others,
// too.

import { HalflapError } from '@halflap/protocol';
import { ORDER_KINDS } from '@halflap/protocol/agent';
import { Type } from 'typebox';
import { cancelJob, chooseHosts, createJob, hostsToRetry, specOf } from '../../jobs/create.js';
import { giveUp } from '../../jobs/give-up.js';
import { countsOf, JOB_STATES, type JobRow } from '../../jobs/job.js';
import type { Jobs } from '../../jobs/jobs.js';
import { type Counts, countByState, listJobs, readJob } from '../../jobs/queries.js';
import { RETRIED_STATES, RUN_STATES } from '../../jobs/run.js';
import { JobSpec } from '../../jobs/spec.js';
import { digestOf, previewHosts, type Target } from '../../jobs/target.js';
import { type Change, watchJob } from '../../jobs/watch.js';
import type { Store } from '../../store/store.js';
import { restrict, type Scope } from '../caller.js';
import { Conditions } from '../conditions.js';
import { cursorOf, placeOf } from '../cursor.js';
import type { Gathering } from '../fleet-page.js';
import { hostConditions } from '../host-query.js';
import {
  Job,
  JobSummary,
  JobTarget,
  jobOf,
  jobRunOf,
  jobSummaryOf,
  PreviewHost,
  targetFilters,
} from '../job-shapes.js';
import { actAtHome, bodyOf, found, type LiveEvent, live, type Route, read } from '../route.js';
import { id, limitOf, oneOf, pageOf, paging } from '../shapes.js';
import { whenDone } from '../when-done.js';
import { jobRunRoutes } from './job-runs.js';

/** What these routes work with. */
export interface JobApi extends Gathering {
  readonly jobs: Jobs;
}

export function jobRoutes(api: JobApi): readonly Route[] {
  return [
    listOf(api),
    previewOf(api),
    makeOf(api),
    oneJob(api),
    liveOf(api),
    cancelOf(api),
    retryOf(api),
    giveUpOf(api),
    ...jobRunRoutes(api),
  ];
}

const DIGEST = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

function previewOf({ store }: JobApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/jobs/preview',
    summary: 'The hosts that a job with such a target would go to, in their order.',
    permission: 'jobs:run',
    query: { ...targetFilters, kind: oneOf(ORDER_KINDS) },
    answer: Type.Object({
      hosts: Type.Array(PreviewHost),
      digest: DIGEST,
      silentShards: Type.Array(Type.String(), {
        description: 'They do not answer; their hosts are not in the list.',
      }),
    }),
    async handle({ query: { kind, ...filters }, scope }) {
      const preview = await previewHosts(store, targetOf(filters, scope), kind);
      return {
        hosts: preview.hosts.map((host) => ({
          id: host.id,
          hostname: host.hostname,
          online: host.isOnline,
          allowed: host.isAllowed,
        })),
        digest: preview.digest,
        silentShards: [...preview.silent],
      };
    },
  });
}

function makeOf({ store, jobs }: JobApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/jobs',
    summary: 'Makes a job on the hosts of a preview, or on those that are named.',
    permission: 'jobs:run',
    status: 201,
    body: bodyOf({
      ...JobSpec.properties,
      target: JobTarget,
      digest: Type.Optional(
        Type.Unsafe<string>({
          ...DIGEST,
          description: 'Of the preview; needed unless hosts are named.',
        }),
      ),
    }),
    answer: Type.Object({ id: id(), digest: DIGEST, hosts: Type.Integer() }),
    audit: { act: 'job.create', on: ({ body }) => `job ${body.name}` },
    async handle({ body, scope, caller, reply }, client) {
      const { target, digest: asked, ...spec } = body;
      const digest = asked ?? digestOf([...new Set(target.hosts ?? [])]);
      const hosts = await chooseHosts(store, targetOf(target, scope), { spec, digest });
      const { hosts: named, ...filters } = target;
      const about = named === undefined ? filters : { ...filters, hosts: hosts.length };
      const made = { spec, about, digest, by: caller.name };
      const job = await createJob(client, hosts, made);
      whenDone(reply, () => jobs.kick());
      return { id: job, digest, hosts: hosts.length };
    },
  });
}

function listOf({ store }: JobApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/jobs',
    summary: 'Jobs, the newest first.',
    permission: 'jobs:read',
    query: {
      ...paging,
      state: Type.Optional(Type.Array(oneOf(JOB_STATES), { maxItems: JOB_STATES.length })),
    },
    answer: pageOf(JobSummary),
    async handle({ query, scope }) {
      const states = query.state ?? null;
      const mark = { jobs: states };
      const [createdAt = '', last = ''] =
        query.cursor === undefined ? [] : placeOf(mark, query.cursor, 2);
      const limit = limitOf(query);
      const after = query.cursor === undefined ? null : { createdAt, id: last };
      const rows = await listJobs(store, { states, after, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const end = rows.length > limit ? page.at(-1) : undefined;
      return {
        items: await summariesOf(store, page, scope),
        next: end === undefined ? null : cursorOf(mark, [end.created_place, end.id]),
      };
    },
  });
}

/** Of those jobs that have a host which may be seen. With all hosts: as they were last. */
async function summariesOf(store: Store, jobs: readonly JobRow[], scope: Scope) {
  if (scope === 'all') return jobs.map((job) => jobSummaryOf(job, countsOf(job.census), job.total));
  const ids = jobs.map((job) => job.id);
  const { counts } = await countByState(store, ids, within(scope));
  return jobs.flatMap((job) => {
    const seen = counts.get(job.id);
    return seen === undefined ? [] : jobSummaryOf(job, seen, sumOf(seen));
  });
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, n) => sum + n, 0);
}

function oneJob(api: JobApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/jobs/:id',
    summary: 'One job: what it does, how far it is.',
    permission: 'jobs:read',
    params: { id: id() },
    answer: Job,
    handle: ({ params, scope }) => seeJob(api, params.id, scope),
  });
}

/** @throws API_NOT_FOUND, also when all its hosts are out of the scope */
async function seeJob({ store }: JobApi, id: string, scope: Scope): Promise<Job> {
  const { job, counts: all, silent } = await readJob(store, id);
  if (scope === 'all') return jobOf(job, { counts: all, hosts: job.total, silent });
  const seen = await countByState(store, [job.id], within(scope));
  const counts = found(seen.counts.get(job.id), `job ${job.id}`);
  return jobOf(job, { counts, hosts: sumOf(counts), silent: seen.silent });
}

function liveOf(api: JobApi): Route {
  return live({
    method: 'GET',
    path: '/api/v1/jobs/:id/live',
    summary:
      'A job as it goes on: events `job`, `host` (its state has changed), `output` (a piece; ' +
      'those of a host have numbers) and `silent` (shards that do not answer); the last is the ' +
      '`job` that has ended.',
    permission: 'jobs:read',
    params: { id: id() },
    async handle({ params, scope, signal }) {
      const see = () => seeJob(api, params.id, scope);
      await see();
      const watched = { job: params.id, where: within(scope), see };
      return async (view) => {
        for await (const change of watchJob(api.store, watched, signal)) {
          if (!view.send(eventOf(change))) return;
          await view.room();
        }
      };
    },
  });
}

function eventOf(change: Change<Job>): LiveEvent {
  if (change.kind === 'job') return { event: 'job', data: change.job };
  if (change.kind === 'run') return { event: 'host', data: jobRunOf(change.run) };
  if (change.kind === 'silent') return { event: 'silent', data: { shards: change.shards } };
  const { run, piece } = change;
  const { host_id: host, hostname } = run;
  return { event: 'output', data: { host, hostname, ...piece, at: piece.at.toISOString() } };
}

function cancelOf({ store, jobs }: JobApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/jobs/:id/cancel',
    summary: 'No further host begins; those that have begun are ended.',
    permission: 'jobs:run',
    status: 202,
    params: { id: id() },
    body: bodyOf({ reason: Type.Optional(Type.String({ maxLength: 1000 })) }),
    answer: Type.Object({ id: id() }),
    audit: { act: 'job.cancel', on: ({ params }) => `job ${params.id}` },
    async handle({ params, body, scope, caller, reply }, client) {
      if (scope !== 'all') await assertReaches(store, params.id, scope);
      await cancelJob(client, params.id, { by: caller.name, reason: body.reason ?? '' });
      whenDone(reply, () => jobs.kick(params.id));
      return { id: params.id };
    },
  });
}

function retryOf({ store, jobs }: JobApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/jobs/:id/retry',
    summary: 'Makes a job like this one, on the hosts where it failed.',
    permission: 'jobs:run',
    status: 201,
    params: { id: id() },
    body: bodyOf({
      states: Type.Optional(
        Type.Array(oneOf(RUN_STATES), {
          ...{ minItems: 1, maxItems: RUN_STATES.length, default: [...RETRIED_STATES] },
          description: 'What the hosts ended in.',
        }),
      ),
    }),
    answer: Type.Object({ id: id(), digest: DIGEST, hosts: Type.Integer() }),
    audit: { act: 'job.retry', on: ({ params }) => `job ${params.id}` },
    async handle({ params, body, scope, caller, reply }, client) {
      const retry = await hostsToRetry(store, params.id, body.states);
      const spec = specOf(retry.job);
      const target = targetOf({ hosts: [...retry.hosts] }, scope);
      const { digest } = retry;
      const hosts = await chooseHosts(store, target, { spec, digest });
      const made = { spec, digest, by: caller.name, retryOf: params.id };
      const job = await createJob(client, hosts, { ...made, about: { retryOf: params.id } });
      whenDone(reply, () => jobs.kick());
      return { id: job, digest, hosts: hosts.length };
    },
  });
}

function giveUpOf({ store, jobs }: JobApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/jobs/:id/give-up',
    summary: 'Ends a job as lost on the hosts whose shard does not answer. For good.',
    permission: 'jobs:run',
    params: { id: id() },
    answer: Type.Object({
      id: id(),
      hosts: Type.Integer({ description: 'That were given up by this.' }),
      shards: Type.Array(Type.String(), { description: 'That do not answer.' }),
    }),
    audit: { act: 'job.give_up', on: ({ params }) => `job ${params.id}` },
    async handle({ params, scope, reply }, client) {
      if (scope !== 'all') throw notAllHosts();
      const givenUp = await giveUp(client, store, params.id);
      whenDone(reply, () => jobs.kick(params.id));
      return { id: params.id, hosts: givenUp.hosts, shards: [...givenUp.shards] };
    },
  });
}

function targetOf({ hosts, ...filters }: JobTarget, scope: Scope): Target {
  return { where: hostConditions({ ...filters, state: 'active' }, scope), hosts: hosts ?? null };
}

/** The condition on `h` that a scope is. */
export function within(scope: Scope): Conditions {
  const conditions = new Conditions();
  restrict(conditions, scope, 'h.labels');
  return conditions;
}

/** @throws API_FORBIDDEN when the job has hosts out of the scope, or on shards that are away. */
async function assertReaches(store: Store, job: string, scope: Scope): Promise<void> {
  const { rows } = await store.home.query<Pick<JobRow, 'total'>>(
    'select total from jobs where id = $1',
    [job],
  );
  const { total } = found(rows[0], `job ${job}`);
  const { counts } = await countByState(store, [job], within(scope));
  if (sumOf(found(counts.get(job), `job ${job}`)) >= total) return;
  throw notAllHosts();
}

function notAllHosts(): HalflapError {
  return new HalflapError('API_FORBIDDEN', 'the job may have hosts that your role is not for', {
    hint: 'ask somebody whose role is for all of its hosts',
  });
}
