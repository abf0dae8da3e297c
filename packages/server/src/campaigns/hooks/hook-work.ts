// Carries out the calls of hooks: a webhook is told by this server, a command is a job on its host.
//
// A webhook that answers has answered. While nothing comes it is tried again until its time is
// over, by the same id; and so it is when the server that told it has died. A job is made once, by
// the id of the call.

import { type Answer, post } from '../../alerts/webhook.js';
import { readJob } from '../../jobs/queries.js';
import type { Lease } from '../../store/leases.js';
import { noteEvent, type StepRow } from '../campaign.js';
import type { Cluster } from '../cluster/clusters.js';
import { commandWork } from '../cluster/host-command.js';
import { jobEvidence } from '../job-evidence.js';
import { makeJob } from '../make-job.js';
import { atHome, type DrivingParts } from '../pass.js';
import { readWebhooks } from './cluster-hooks.js';
import { HOOK_SECONDS, type Hook } from './hook-declaration.js';
import { type Calling, type HookRow, stopCampaign } from './hook-rows.js';
import { callText, turnsOf, valuesOf } from './hooks.js';

export interface CallingPass extends Calling {
  readonly on: DrivingParts;
  readonly lease: Lease;
  readonly cluster: Cluster;
  readonly steps: readonly StepRow[];
  readonly calls: readonly HookRow[];
}

/** Webhooks that this server is telling something. */
export class HookCalls {
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #onEnd: () => void;

  /** @param onEnd a call has ended: the campaign is looked at without delay */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  start(id: string, work: (signal: AbortSignal) => Promise<void>): void {
    const done = work(this.#stopping.signal).finally(() => {
      this.#running.delete(id);
      this.#onEnd();
    });
    this.#running.set(id, done);
  }

  /** Nothing is told any more; who drives the campaign next tells again what was cut off. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running.values());
  }
}

/** @returns whether anything moved */
export async function advanceCalls(pass: CallingPass, running: HookCalls): Promise<boolean> {
  const steps = pass.steps.filter(({ state }) => state === 'running');
  const { due, drop } = turnsOf(
    pass.calls,
    new Set(steps.map(({ id, attempt }) => `${id} ${attempt}`)),
  );
  let moved = false;
  for (const call of pass.calls) {
    if (drop.includes(call.id)) {
      moved = await end(pass, call, { state: 'dropped', message: null, evidence: [] });
    } else if (due.includes(call.id)) {
      moved = (await advance(pass, call, running)) || moved;
    }
  }
  return moved;
}

async function advance(pass: CallingPass, call: HookRow, running: HookCalls): Promise<boolean> {
  const hook = pass.cluster.declared.hooks?.find(({ name }) => name === call.hook);
  if (call.job !== null) return jobEnd(pass, call, call.job);
  const isBegun = call.state === 'running';
  if (hook === undefined || (isBegun && hook.command !== undefined)) {
    const message = 'it is not declared so any more';
    return end(pass, call, { state: 'dropped', message, evidence: [] });
  }
  if (!isBegun) return begin(pass, call, hook);
  return !running.has(call.id) && tell(pass, call, running);
}

const secondsOf = ({ timeoutSeconds = HOOK_SECONDS }: Hook) => timeoutSeconds;

async function begin(pass: CallingPass, call: HookRow, hook: Hook): Promise<boolean> {
  const { on, campaign } = pass;
  const { command } = hook;
  const host = command === undefined ? null : await hostOf(pass, command.host);
  if (command !== undefined && host === null) {
    const message = `no active host that can be seen now is ${command.host}`;
    return end(pass, call, { state: 'failed', message, evidence: [] });
  }
  const now = on.clock();
  const giveUpAt = new Date(now.getTime() + secondsOf(hook) * 1000);
  await atHome(pass, async (client) => {
    const { rowCount } = await client.query(
      `update campaign_hooks
       set state = 'running', started_at = $2, next_try_at = $2, give_up_at = $3, job = $4
       where id = $1 and state = 'waiting'`,
      [call.id, now, giveUpAt, host === null ? null : call.id],
    );
    if (rowCount === 0 || command === undefined || host === null) return;
    const work = commandWork(command, valuesOf(campaign, call));
    const about = { id: call.id, step: call.step, stage: `hook ${call.hook}`, name: command.host };
    await makeJob(client, pass, { ...about, host, work, seconds: secondsOf(hook) });
  });
  if (command !== undefined) on.jobs.kick();
  return true;
}

/** The active host of a name; null when there is none, or when several have it. */
async function hostOf({ on }: CallingPass, hostname: string): Promise<string | null> {
  const { rows } = await on.store.gather<{ id: string }>(
    `select id from hosts where state = 'active' and hostname = $1 limit 2`,
    [hostname],
    { timeoutMs: HOSTS_MS },
  );
  const ids = new Set(rows.map(({ id }) => id));
  const [id] = ids;
  return id !== undefined && ids.size === 1 ? id : null;
}

/** How long shards with hosts are waited for. */
const HOSTS_MS = 5000;

async function jobEnd(pass: CallingPass, call: HookRow, id: string): Promise<boolean> {
  const { job } = await readJob(pass.on.store, id);
  if (job.ended_at === null) return false;
  const { message, lines } = await jobEvidence(pass.on.store, id);
  const state = job.state === 'succeeded' ? 'succeeded' : 'failed';
  return end(pass, call, { state, message, evidence: lines });
}

/** Before a webhook that did not answer is told again; doubled up to the longest. */
const AGAIN_MS = { first: 250, longest: 10_000 } as const;

async function tell(pass: CallingPass, call: HookRow, running: HookCalls): Promise<boolean> {
  const { on, cluster } = pass;
  const now = on.clock();
  const giveUpAt = call.give_up_at ?? now;
  if (now >= giveUpAt && call.tries > 0) {
    const message = call.message ?? 'no answer in its time';
    return end(pass, call, { state: 'failed', message, evidence: [] });
  }
  if (now < (call.next_try_at ?? now)) return false;
  const webhook = (await readWebhooks(on.store.home, on.secret, cluster.id)).get(call.hook);
  if (webhook === undefined) {
    const message = 'its address is not known any more';
    return end(pass, call, { state: 'dropped', message, evidence: [] });
  }
  if (!(await claim(pass, call))) return true;
  // One that was cut off when its time was nearly over is told once more all the same.
  const limitMs = Math.max(LEAST_MS, giveUpAt.getTime() - now.getTime());
  const body = JSON.stringify({ delivery: call.id, ...call.payload });
  const seconds = Math.floor(now.getTime() / 1000);
  running.start(call.id, async (signal) => {
    const told = post(webhook, { id: call.id, body, seconds, limitMs, signal });
    await told
      .then((answer) => answered(pass, call, answer))
      .catch((error: unknown) => (signal.aborted ? undefined : missed(pass, call, error)))
      .catch((error: unknown) => {
        on.log.warn({ hook: call.hook, error }, 'what came of a hook was not written');
      });
  });
  return false;
}

/** What a receiver is given at the least. */
const LEAST_MS = 1000;

/** @returns whether the call is as it was read */
async function claim(pass: CallingPass, { id, tries }: HookRow): Promise<boolean> {
  let isMine = false;
  await atHome(pass, async (client) => {
    const { rowCount } = await client.query(
      `update campaign_hooks set tries = tries + 1
       where id = $1 and state = 'running' and tries = $2`,
      [id, tries],
    );
    isMine = rowCount === 1;
  });
  return isMine;
}

async function answered(pass: CallingPass, call: HookRow, { status, reason }: Answer) {
  const isYes = status >= 200 && status < 300;
  const message = `answered ${status}${reason === null ? '' : `: ${reason}`}`;
  await end(pass, call, { state: isYes ? 'succeeded' : 'failed', message, evidence: [] });
}

async function missed(pass: CallingPass, { id, tries }: HookRow, error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  const pauseMs = Math.min(AGAIN_MS.longest, AGAIN_MS.first * 2 ** Math.min(tries, 20));
  const again = new Date(pass.on.clock().getTime() + pauseMs);
  await atHome(pass, (client) =>
    client.query(
      `update campaign_hooks set message = $2, next_try_at = $3
       where id = $1 and state = 'running' and tries = $4`,
      [id, `no answer: ${message}`, again, tries + 1],
    ),
  );
}

interface Ended {
  readonly state: 'succeeded' | 'failed' | 'dropped';
  readonly message: string | null;
  readonly evidence: readonly string[];
}

async function end(
  pass: CallingPass,
  call: HookRow,
  { state, message, evidence }: Ended,
): Promise<true> {
  const text = callText(call);
  await atHome(pass, async (client) => {
    const { rowCount } = await client.query(
      `update campaign_hooks
       set state = $2, message = $3, evidence = $4, started_at = coalesce(started_at, $5),
         ended_at = $5
       where id = $1 and state in ('waiting', 'running')`,
      [call.id, state, message, JSON.stringify(evidence), pass.on.clock()],
    );
    if (rowCount === 0 || message === null) return;
    const told = { message: `hook ${text}: ${message}`, detail: { evidence, job: call.job } };
    const step = call.step === null ? {} : { step: call.step };
    await noteEvent(client, pass.campaign.id, { kind: 'hook', ...step, ...told });
    if (state !== 'failed' || !call.is_required || call.moment !== 'after') return;
    await stopCampaign(client, pass, `the hook ${text} says no: ${message}`);
  });
  return true;
}
