// Jobs that go on while servers die: some at once, on hosts by chance, made through whichever
// server is there, and now and then cancelled. Who makes a job and gets no answer sends the same
// request again with the same key, so that there is one job for each key.

import { randomUUID } from 'node:crypto';
import { lasting } from '../app/ground.js';
import type { Chance } from './chance.js';
import type { Place } from './places.js';
import type { Asker } from './requests.js';

export interface WorkOptions {
  readonly places: readonly Place[];
  readonly asker: Asker;
  /** Ids of all hosts. */
  readonly hosts: readonly string[];
  readonly mostHosts: number;
  readonly chance: Chance;
  /** Ends it after the job under way. */
  readonly signal: AbortSignal;
}

const CANCEL_CHANCE = 0.15;
const LOOK_SECONDS = 0.2;
const AGAIN_SECONDS = 0.1;

/** One job after the other. @returns the ids of those whose making was answered. */
export async function keepWorking(options: WorkOptions): Promise<string[]> {
  const { chance, signal } = options;
  const made: string[] = [];
  while (!signal.aborted) {
    const id = await make(options);
    made.push(id);
    const isCancelled = chance.next() < CANCEL_CHANCE;
    if (isCancelled) await ask(options, { path: `/jobs/${id}/cancel`, body: { reason: 'drawn' } });
    await ended(options, id);
  }
  return made;
}

/** Until it has been answered, by whichever server. */
async function make(options: WorkOptions): Promise<string> {
  const { hosts, mostHosts, chance } = options;
  const some = chance.shuffled(hosts).slice(0, chance.between(1, mostHosts));
  const key = randomUUID();
  const body = { ...SPEC, ...pacingBy(chance), name: `drawn ${key}`, target: { hosts: some } };
  for (;;) {
    const answer = await ask(options, { path: '/jobs', body, key });
    if (answer.kind === 'good') return (answer.body as { readonly id: string }).id;
    await lasting(AGAIN_SECONDS);
  }
}

function pacingBy(chance: Chance) {
  const batch = chance.next() < 0.5 ? null : { percent: chance.between(20, 60) };
  const stopAfter = chance.next() < 0.5 ? null : { percent: chance.between(5, 50) };
  return { batch, stopAfter, concurrency: chance.between(5, 200) };
}

const SPEC = {
  work: {
    ...{ kind: 'command', program: '/bin/true', args: [], user: null, directory: null },
    environment: {},
  },
  ...{ waitSeconds: 900, timeoutSeconds: 300, lostSeconds: 300, totalSeconds: 1800 },
} as const;

/** Until the job has ended, or nobody makes jobs any more. */
async function ended(options: WorkOptions, id: string): Promise<void> {
  while (!options.signal.aborted) {
    const answer = await ask(options, { path: `/jobs/${id}` });
    const { state = '' } = (answer.kind === 'good' ? answer.body : {}) as { state?: string };
    if (answer.kind === 'good' && state !== 'running' && state !== 'stopping') return;
    await lasting(LOOK_SECONDS);
  }
}

function ask({ places, asker, chance }: WorkOptions, question: Parameters<Asker['ask']>[1]) {
  return asker.ask(chance.pick(places), question);
}
