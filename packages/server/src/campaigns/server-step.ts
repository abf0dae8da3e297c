// A step of one server, stage by stage:
//
//   drain ──► upgrade ──► restart ──► register ──► health ──► undrain
//
//   register waits until the server is seen to be of the release: by its package, and on the shards
//   by its leases, where it had some before, and no shard refuses it. Of the others each is a job
//   on its host; health is asked again until it says yes or its time is over.
//
// The cluster may change while a server is worked at: before each stage that leads it on, all is
// asked again that would stand against the step. A shard that does not answer is waited for.
//
// Invariant: a job is made in the transaction that notes it in the step's row, by an id that
// follows from campaign, step, attempt, stage and try; so whoever drives the campaign after a crash
// waits for the same job, and nothing is done twice. A server that failed after its drain stays
// drained.

import type { ClientBase } from 'pg';
import { cancelJob } from '../jobs/create.js';
import { readJob } from '../jobs/queries.js';
import { digestId } from '../store/digest-id.js';
import { noteEvent, STAGES, type Stage, type StageName, type StepRow, stepOf } from './campaign.js';
import { againstServer, isOfSilence } from './decide/safety.js';
import { isDone, type ServerStep, serverOf } from './decide/steps.js';
import { calledStep, callHooks } from './hooks/hook-rows.js';
import { jobEvidence } from './job-evidence.js';
import { makeJob } from './make-job.js';
import { atHome, type Known, type Pass } from './pass.js';
import { type Served, servedOf, stagesOf, workOf } from './server-work.js';

/** @returns whether anything moved */
export async function advanceServer(pass: Pass, row: StepRow): Promise<boolean> {
  const { known } = pass;
  const served = servedOf(known, stepOf(row) as ServerStep);
  const stage = row.stages.at(-1);
  if (isLate(row, known)) {
    const most = known.campaign.policy.deadlineSeconds;
    return fail(pass, row, { message: `it took longer than ${most} s in all`, evidence: [] });
  }
  if (stage === undefined || stage.state === 'succeeded') return begin(pass, row, served);
  const ended = stage.job === null ? seen(row, stage, known) : await jobEnd(pass, row, stage);
  if (ended === null) return false;
  if (ended.isDone) return succeed(pass, row, stage, ended.message);
  if (ended.isFinal) return fail(pass, row, ended);
  return again(pass, row, { stage, served, message: ended.message });
}

interface Ended {
  readonly isDone: boolean;
  /** Of what did not succeed: it is not tried again. */
  readonly isFinal: boolean;
  readonly message: string;
  readonly evidence: readonly string[];
}

/** Since its work has begun: its hooks have a time of their own. */
function isLate({ stages: [first] }: StepRow, { campaign, now }: Known): boolean {
  const most = campaign.policy.deadlineSeconds * 1000;
  return first !== undefined && now.getTime() > Date.parse(first.startedAt) + most;
}

/** The next stage; or the step has succeeded. */
async function begin(pass: Pass, row: StepRow, served: Served): Promise<boolean> {
  const done = new Set(row.stages.map(({ stage }) => stage));
  const order = stagesOf(served).filter((one) => !done.has(one) && !isBehind(one, row));
  const [next] = order;
  if (next === undefined) {
    await atHome(pass, async (client) => {
      await client.query(
        `update campaign_steps
         set state = 'succeeded', ended_at = now(), is_retried = false, is_owed = false,
           message = null,
           evidence = null
         where campaign_id = $1 and id = $2 and state = 'running'`,
        [pass.known.campaign.id, row.id],
      );
      const message = `${row.name} is at ${served.release}`;
      await noteEvent(client, pass.known.campaign.id, { kind: 'succeeded', step: row.id, message });
      await callHooks(client, pass.known, 'after', calledStep(row, message));
    });
    return true;
  }
  const stands = LEADING.has(next) ? await standsAgainst(pass, row, next) : 'nothing';
  if (stands !== 'nothing') return stands === 'refused';
  await startStage(pass, row, { stage: next, served, tries: 0, startedAt: pass.known.now });
  return true;
}

/** Stages after which the server serves nobody, or is of the other release. */
const LEADING: ReadonlySet<StageName> = new Set(['drain', 'upgrade', 'restart']);

/** What is known against it fails the step; what is not known is waited for, and told. */
async function standsAgainst(
  pass: Pass,
  row: StepRow,
  stage: StageName,
): Promise<'nothing' | 'silence' | 'refused'> {
  const { campaign, observed } = pass.known;
  const all = againstServer(stepOf(row) as ServerStep, observed.world);
  const known = all.filter((one) => !isOfSilence(one, observed.world));
  const [first] = known.length > 0 ? known : all;
  if (first === undefined) return 'nothing';
  const message = `${stage} of ${row.name} does not begin: ${first.why}`;
  if (known.length > 0) {
    const evidence = known.map(({ why, remedy }) => `${why}: ${remedy}`);
    await fail(pass, row, { message, evidence });
    return 'refused';
  }
  if (row.message !== message) {
    await atHome(pass, (client) => writeMessage(client, campaign.id, row.id, message));
  }
  return 'silence';
}

/** A stage that comes before one which was begun: it was not needed then. */
function isBehind(stage: StageName, { stages }: StepRow): boolean {
  const last = stages.at(-1)?.stage;
  return last !== undefined && STAGES.indexOf(stage) < STAGES.indexOf(last);
}

interface Starting {
  readonly stage: StageName;
  readonly served: Served;
  readonly tries: number;
  readonly startedAt: Date;
}

async function startStage(pass: Pass, row: StepRow, starting: Starting): Promise<void> {
  const { known } = pass;
  const { stage, served, tries, startedAt } = starting;
  const work = workOf(stage, served);
  const { campaign } = known;
  const host = known.observed.servers.find(({ name }) => name === row.name)?.host ?? null;
  const bound = campaign.servers.find(({ name }) => name === row.name)?.host ?? null;
  if (work !== null && (host === null || (bound !== null && bound !== host.id))) {
    const what = host === null ? 'no active host is' : 'another host than was approved is';
    const evidence = ['let its host in again, exclude it, or cancel the campaign and plan anew'];
    await fail(pass, row, { message: `${what} ${row.name}`, evidence });
    return;
  }
  const id = digestId(`campaign ${campaign.id} ${row.id} ${row.attempt} ${stage} ${tries}`);
  const begun: Stage = {
    ...{ stage, state: 'running', job: work === null ? null : id, tries: tries + 1 },
    ...{ startedAt: startedAt.toISOString(), endedAt: null, againAt: null, message: null },
  };
  const others = row.stages.filter((one) => one.stage !== stage);
  await atHome(pass, async (client) => {
    await writeStages(client, campaign.id, row.id, [...others, begun]);
    await writeMessage(client, campaign.id, row.id, null);
    if (work !== null && host !== null) {
      const about = { id, step: row.id, stage, name: row.name };
      await makeJob(client, known, { ...about, host: host.id, work });
    }
    if (tries > 0) return;
    const detail = { stage, job: begun.job };
    const message = `${stage} begins`;
    await noteEvent(client, campaign.id, { kind: 'stage', step: row.id, message, detail });
  });
  if (work !== null) pass.on.jobs.kick();
}

/** Of a stage that only looks. */
function seen({ name, was_running: wasRunning, ...row }: StepRow, stage: Stage, known: Known) {
  const { world } = known.observed;
  const server = serverOf(world, name);
  const isThere = !wasRunning || (server?.running.length ?? 0) > 0;
  const step = stepOf({ name, ...row }) as ServerStep;
  const against = againstServer(step, world).filter((one) => !isOfSilence(one, world));
  if (isDone(step, world) && isThere && against.length === 0) {
    return ended(true, `${name} runs ${server?.installed}`);
  }
  if (!isOver(stage, known)) return null;
  const runs = server?.running.join(', ') || 'nothing';
  const has = server?.installed ?? 'a release that is not known';
  const message = `${name} is not registered by the release`;
  const evidence = [`installed: ${has}`, `registered on shards: ${runs}`];
  return { ...ended(false, message), evidence: [...evidence, ...against.map(({ why }) => why)] };
}

async function jobEnd(pass: Pass, row: StepRow, stage: Stage): Promise<Ended | null> {
  const { job } = await readJob(pass.on.store, stage.job ?? '');
  if (job.ended_at === null) return null;
  const found = await jobEvidence(pass.on.store, job.id);
  if (job.state === 'succeeded') return ended(true, found.message);
  const isAsked = stage.stage === 'health' && !isOver(stage, pass.known);
  const message = `${stage.stage} of ${row.name} failed: ${found.message}`;
  return { isDone: false, isFinal: !isAsked, message, evidence: found.lines };
}

function ended(isDone: boolean, message: string): Ended {
  return { isDone, isFinal: true, message, evidence: [] };
}

function isOver({ startedAt }: Stage, { campaign, now }: Known): boolean {
  return now.getTime() > Date.parse(startedAt) + campaign.policy.healthSeconds * 1000;
}

async function succeed(pass: Pass, row: StepRow, stage: Stage, message: string): Promise<boolean> {
  const { id } = pass.known.campaign;
  await atHome(pass, async (client) => {
    await writeStages(client, id, row.id, [
      ...row.stages.slice(0, -1),
      over(pass, stage, { isDone: true, message }),
    ]);
    if (stage.stage === 'health') await writeHealth(client, id, row.id, true);
    const told = { step: row.id, message: `${stage.stage} done: ${message}` };
    await noteEvent(client, id, { kind: 'stage', ...told, detail: { stage: stage.stage } });
  });
  return true;
}

/** Health said no, and there is time. */
async function again(
  pass: Pass,
  row: StepRow,
  { stage, served, message }: { stage: Stage; served: Served; message: string },
): Promise<boolean> {
  const { campaign, now } = pass.known;
  if (stage.againAt === null) {
    const pauseMs = Math.min(HEALTH_PAUSE_MS.longest, HEALTH_PAUSE_MS.first * 2 ** stage.tries);
    const againAt = new Date(now.getTime() + pauseMs).toISOString();
    const waits: Stage = { ...stage, againAt, message };
    await atHome(pass, (client) =>
      writeStages(client, campaign.id, row.id, [...row.stages.slice(0, -1), waits]),
    );
    return false;
  }
  if (now.getTime() < Date.parse(stage.againAt)) return false;
  const startedAt = new Date(stage.startedAt);
  await startStage(pass, row, { stage: stage.stage, served, tries: stage.tries, startedAt });
  return true;
}

/** Between two questions; doubled each time. */
const HEALTH_PAUSE_MS = { first: 250, longest: 10_000 } as const;

/** The step has failed; a job of it that goes on is cancelled. */
export async function fail(
  pass: Pass,
  row: StepRow,
  { message, evidence }: Pick<Ended, 'message' | 'evidence'>,
): Promise<boolean> {
  const { id } = pass.known.campaign;
  const stage = row.stages.at(-1);
  await atHome(pass, async (client) => {
    await client.query(
      `update campaign_steps
       set state = 'failed', ended_at = now(), is_retried = false, message = $3, evidence = $4,
         is_healthy = case when $5 then false else is_healthy end
       where campaign_id = $1 and id = $2 and state = 'running'`,
      [id, row.id, message, JSON.stringify(evidence), ILL.has(stage?.stage ?? 'drain')],
    );
    if (stage?.state === 'running') {
      const failed = [...row.stages.slice(0, -1), over(pass, stage, { isDone: false, message })];
      await writeStages(client, id, row.id, failed);
      await cancelOpen(client, stage.job);
    }
    const detail = { evidence, job: stage?.job ?? null };
    await noteEvent(client, id, { kind: 'failed', step: row.id, message, detail });
    await callHooks(client, pass.known, 'failed', calledStep(row, message));
  });
  return true;
}

/** Stages whose failure says that the server is not well. */
const ILL: ReadonlySet<StageName> = new Set(['register', 'health']);

async function cancelOpen(client: ClientBase, job: string | null): Promise<void> {
  if (job === null) return;
  const { rows } = await client.query('select from jobs where id = $1 and ended_at is null', [job]);
  const reason = 'the step of the campaign has failed';
  if (rows.length > 0) await cancelJob(client, job, { by: 'the campaign', reason });
}

function over(
  { known }: Pass,
  stage: Stage,
  { isDone, message }: Pick<Ended, 'isDone' | 'message'>,
): Stage {
  const state = isDone ? 'succeeded' : 'failed';
  return { ...stage, state, endedAt: known.now.toISOString(), againAt: null, message };
}

function writeStages(client: ClientBase, campaign: string, step: string, stages: readonly Stage[]) {
  return client.query('update campaign_steps set stages = $3 where campaign_id = $1 and id = $2', [
    campaign,
    step,
    JSON.stringify(stages),
  ]);
}

/** Of a step that runs: what it waits for. */
function writeMessage(client: ClientBase, campaign: string, step: string, message: string | null) {
  return client.query(
    `update campaign_steps set message = $3
     where campaign_id = $1 and id = $2 and state = 'running'`,
    [campaign, step, message],
  );
}

function writeHealth(client: ClientBase, campaign: string, step: string, isHealthy: boolean) {
  return client.query(
    'update campaign_steps set is_healthy = $3 where campaign_id = $1 and id = $2',
    [campaign, step, isHealthy],
  );
}
