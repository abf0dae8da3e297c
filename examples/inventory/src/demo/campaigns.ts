// The campaigns of the inventory as the API tells them, asked again and again; a server that is
// away is passed over for the other one.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from '@halflap/engine';
import type { Campaign, CampaignStep, CampaignSummary } from '@halflap/server';

export interface Access {
  readonly addresses: readonly string[];
  readonly token: string;
}

const ASK_MS = 250;
/** How long a server is waited for. */
const ANSWER_MS = 10_000;

export class Campaigns {
  readonly #access: () => Access;
  readonly #signal: AbortSignal;
  #newest: Campaign | undefined;
  #all: readonly CampaignSummary[] = [];
  #watching: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  /** @param access asked each time: a server that was started again may have another address */
  constructor(access: () => Access, signal: AbortSignal) {
    this.#access = access;
    this.#signal = AbortSignal.any([signal, this.#stopping.signal]);
  }

  /** The one that was planned last, as it was seen last. */
  get newest(): Campaign | undefined {
    return this.#newest;
  }

  /** All so far, in the order in which they were planned. */
  get all(): readonly CampaignSummary[] {
    return this.#all.toReversed();
  }

  watch(): void {
    this.#watching ??= this.#watch();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  /** As it is now. */
  show(id: string): Promise<Campaign> {
    return this.#ask<Campaign>(`campaigns/${id}`);
  }

  /**
   * Resolves when the campaign is as wanted.
   * @throws Error with its reason when it has stopped or ended otherwise
   */
  async until(id: string, holds: (campaign: Campaign) => boolean): Promise<Campaign> {
    for (;;) {
      const campaign = await this.show(id);
      if (holds(campaign)) return campaign;
      const { state, reason } = campaign;
      if (['stopped', 'finished', 'cancelled'].includes(state)) {
        const evidence = campaign.plan.flatMap((step) => step.evidence).join('\n  ');
        throw new Error(`campaign ${id} is ${state}: ${reason}\n  ${evidence}`);
      }
      await sleep(ASK_MS, undefined, { signal: this.#signal });
    }
  }

  async #watch(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        const { items } = await this.#ask<{ items: readonly CampaignSummary[] }>('campaigns');
        const [first] = items;
        this.#all = items;
        this.#newest = first === undefined ? undefined : await this.show(first.id);
        await sleep(ASK_MS, undefined, { signal: this.#signal });
      } catch {
        // Stopped, or no server answers for now: what was seen last stays on the screen.
        if (!this.#signal.aborted) await sleep(ASK_MS);
      }
    }
  }

  /** @throws what the last server that was asked has failed with */
  async #ask<Answer>(path: string): Promise<Answer> {
    const { addresses, token } = this.#access();
    let failure: unknown;
    for (const address of addresses) {
      try {
        const response = await fetch(`${address}/api/v1/${path}`, {
          headers: { authorization: `Bearer ${token}` },
          // One of its own: a signal that lasts would remember every request.
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        if (response.ok) return (await response.json()) as Answer;
        failure = new Error(`${path}: ${response.status} ${await response.text()}`);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

export function stepOf({ plan }: Campaign, id: string): CampaignStep | undefined {
  return plan.find((step) => step.id === id);
}

/** Of the step of a shard that is under way and walks rows, as an operator's terminal shows it. */
export function progressOf(campaign: Campaign | undefined): Progress | null {
  const step = campaign?.plan.find(
    ({ state, progress }) => state === 'running' && progress !== null,
  );
  if (step === undefined || step.progress === null || step.kind !== 'shard') return null;
  const verb = step.action as Progress['verb'];
  return { ...step.progress, shard: step.name, verb, step: step.progress.title, batchRows: 0 };
}

/** `expand of eu1`, `upgrade of app1: health`: what it does now. */
export function doingOf({ plan }: Campaign): string {
  const running = plan.filter(({ state }) => state === 'running');
  return running
    .map(({ action, name, stages }) => {
      const stage = stages.at(-1);
      return `${action} of ${name}${stage === undefined ? '' : `: ${stage.stage}`}`;
    })
    .join(', ');
}

/** Why the next step does not begin; null while nothing waits. */
export function waitOf({ plan }: Campaign): string | null {
  const waits = plan.find(({ state, wait }) => state === 'waiting' && wait !== null)?.wait;
  if (waits === undefined || waits === null) return null;
  return waits.remedy === null ? waits.why : `${waits.why}: ${waits.remedy}`;
}
