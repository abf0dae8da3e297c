// Follows a campaign for as long as it goes on by itself.
//
// What somebody has to approve ends it at once. Whatever else stands in the way ends it when it has
// stood there for a while, and not before: a lease of a server that is gone ends by itself, and an
// agent that is away may be coming back.

import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError } from '@halflap/protocol';
import type { Campaign, CampaignStep } from '@halflap/server';
import type { ApiClient } from './client.js';
import { readEvents } from './event-reader.js';
import { harmless } from './harmless.js';
import { openView } from './job-watch.js';
import { OPERATIONS } from './operations.js';

export interface Following {
  readonly id: string;
  /** Undefined: however long it takes. */
  readonly timeoutMs: number | undefined;
  /** How long something may stand in the way that nobody is known to have to approve. */
  readonly patienceMs: number;
  readonly isForPeople: boolean;
}

/** Before a view that broke is opened again. */
const AGAIN_MS = 1000;

/**
 * @param seen is told each change; true: nobody wants to know more
 * @returns the campaign that has ended, or does not go on without somebody
 * @throws WAIT_TIMED_OUT, INTERRUPTED, and what `watch` does
 */
export async function followCampaign(
  client: ApiClient,
  following: Following,
  seen: (campaign: Campaign) => boolean,
): Promise<Campaign> {
  const { id, timeoutMs, patienceMs } = following;
  const late = new Alarm();
  const stuck = new Alarm();
  let last: Campaign | undefined;
  const isEnd = (campaign: Campaign) => {
    last = campaign;
    const standing = standingOf(campaign);
    if (standing === 'blocked') stuck.set(patienceMs);
    else stuck.stop();
    return seen(campaign) || standing === 'over' || standing === 'to approve';
  };
  if (timeoutMs !== undefined) late.set(timeoutMs);
  try {
    const ending = AbortSignal.any([late.signal, stuck.signal]);
    return await watchUntil(client.until(ending), following, isEnd);
  } catch (cause) {
    if (client.signal.aborted) throw interrupted(id, cause);
    if (stuck.signal.aborted && last !== undefined) return last;
    throw late.signal.aborted ? timedOut(id, last, cause) : cause;
  } finally {
    late.stop();
    stuck.stop();
  }
}

async function watchUntil(
  client: ApiClient,
  { id, isForPeople }: Following,
  isEnd: (campaign: Campaign) => boolean,
): Promise<Campaign> {
  const open = () => client.watch(OPERATIONS.watchCampaign, { params: { id } }, undefined);
  for (let isFirst = true; ; isFirst = false) {
    const body = await openView(client, open, isFirst);
    try {
      for await (const { event, data } of readEvents(body)) {
        if (event !== 'campaign') continue;
        const campaign = JSON.parse(data, isForPeople ? shown : undefined) as Campaign;
        if (isEnd(campaign)) return campaign;
      }
    } catch (error) {
      // A server that goes, maybe since the campaign restarts it: another begins anew.
      if (client.signal.aborted || error instanceof HalflapError) throw error;
    } finally {
      body.destroy();
    }
    await delay(AGAIN_MS, undefined, { signal: client.signal });
  }
}

function shown(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? harmless(value) : value;
}

/** `blocked`: something stands in the way that is not known to go by itself. */
function standingOf({ state, plan }: Campaign): 'over' | 'goes on' | 'to approve' | 'blocked' {
  if (state !== 'running') return 'over';
  if (plan.some((step) => step.state === 'running')) return 'goes on';
  const waiting = plan.filter(needsSomebody);
  if (waiting.some(needsApproval)) return 'to approve';
  return waiting.length > 0 ? 'blocked' : 'goes on';
}

/** It does not begin before somebody does what its remedy says. */
export function needsSomebody({ state, wait }: CampaignStep): boolean {
  return state === 'waiting' && wait !== null && wait.until === null && wait.remedy !== null;
}

export function needsApproval({ wait, ownApproval }: CampaignStep): boolean {
  return wait?.refusals.length === 0 && ownApproval?.approvedBy === null;
}

/** The longest that a timer of Node takes, 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Aborts its signal once its time is over. */
class Alarm {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Does nothing while it is set. */
  set(ms: number): void {
    this.#timer ??= setTimeout(() => this.#controller.abort(), Math.min(ms, LONGEST_MS));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function timedOut(id: string, last: Campaign | undefined, cause: unknown): HalflapError {
  const how = last === undefined ? '' : `: ${last.done} of ${last.steps} steps are done`;
  return new HalflapError('WAIT_TIMED_OUT', `campaign ${id} has not ended in time${how}`, {
    hint: `it goes on; halflap campaign status ${id} shows it, a longer --timeout waits longer`,
    cause,
  });
}

function interrupted(id: string, cause: unknown): HalflapError {
  return new HalflapError('INTERRUPTED', 'nobody watches any more; the campaign goes on', {
    hint: `halflap campaign status ${id} --follow shows it again, halflap campaign pause holds it`,
    cause,
  });
}
