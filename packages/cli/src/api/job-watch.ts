// Watches a job until it ends: how far it is, and what it writes on its hosts.
//
// A job may have thousands of hosts, and a server gives a live view of one host at a time; so the
// list of runs says which host has written something, and that is fetched from where it was left.

import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError } from '@halflap/protocol';
import type { Job, JobOutput, JobRun } from '@halflap/server';
import type { ApiClient } from './client.js';
import { readEvents } from './event-reader.js';
import { harmless } from './harmless.js';
import { OPERATIONS } from './operations.js';
import { fetchList } from './pages.js';

const LOOK_MS = 1000;
/** A run's state is told a moment before its last output. */
const OPEN_STATES: ReadonlySet<string> = new Set(['waiting', 'released', 'sent', 'running']);

export function isOpen({ state }: { readonly state: string }): boolean {
  return OPEN_STATES.has(state);
}

/** Looks until the job has ended; `seen` is told each time. @throws what `ask` does */
export async function watchJob(
  client: ApiClient,
  id: string,
  seen: (job: Job) => Promise<void> | void,
): Promise<Job> {
  for (;;) {
    const job = await client.ask(OPERATIONS.showJob, { params: { id } });
    await seen(job);
    if (job.endedAt !== null) return job;
    await pause(client);
  }
}

export interface OutputSeen {
  /** Pieces that a host has written, in their order. */
  output(run: JobRun, output: JobOutput): void;
  /** A host has ended; all its output was told before. */
  ended(run: JobRun): void;
}

/** What is told of each host, so that it is told once. */
interface Known {
  next: number;
  bytes: number;
  hasEnded: boolean;
}

/** One look at all hosts of a job; `known` is kept from look to look. */
export async function lookAtRuns(
  client: ApiClient,
  id: string,
  known: Map<string, Known>,
  seen: OutputSeen,
): Promise<void> {
  const all = { limit: Number.POSITIVE_INFINITY, note: () => {} };
  const listing = { what: 'hosts', params: { id } };
  const { items } = await fetchList(client, OPERATIONS.listJobRuns, listing, all);
  for (const run of items) {
    const before = known.get(run.id) ?? { next: 0, bytes: 0, hasEnded: false };
    known.set(run.id, before);
    if (run.outputBytes > before.bytes) {
      before.next = await tellOutput(client, { job: id, run, from: before.next }, seen);
      before.bytes = run.outputBytes;
    }
    if (!before.hasEnded && !isOpen(run)) {
      before.hasEnded = true;
      seen.ended(run);
    }
  }
}

async function tellOutput(
  client: ApiClient,
  { job, run, from }: { readonly job: string; readonly run: JobRun; readonly from: number },
  { output }: OutputSeen,
): Promise<number> {
  let next = from;
  for (;;) {
    const read = await client.ask(OPERATIONS.showOutput, {
      params: { id: job, host: run.host },
      query: { from: next },
    });
    output(run, read);
    next = read.next;
    if (!read.more) return next;
  }
}

/** The output of one host as it comes, until the host ends. @throws what `watch` does */
export async function watchRun(
  client: ApiClient,
  { job, host, isForPeople }: { job: string; host: string; isForPeople: boolean },
  seen: (output: JobOutput) => void,
): Promise<void> {
  let lastId: string | undefined;
  for (;;) {
    const body = await client.watch(OPERATIONS.watchOutput, { params: { id: job, host } }, lastId);
    try {
      for await (const { id, event, data } of readEvents(body)) {
        if (event !== 'output') continue;
        lastId = id ?? lastId;
        const output = JSON.parse(data, isForPeople ? shown : undefined) as JobOutput;
        seen(output);
        if (!output.more && !isOpen(output)) return;
      }
    } catch (error) {
      // A server that goes, or cuts a slow reader off: another goes on from the last event.
      if (client.signal.aborted) throw error;
    } finally {
      body.destroy();
    }
    await pause(client);
  }
}

function shown(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? harmless(value) : value;
}

function pause({ signal }: ApiClient): Promise<void> {
  return delay(LOOK_MS, undefined, { signal });
}

/** What is stopped while a job is watched is the watching. @throws INTERRUPTED */
export async function watching<Result>(
  { signal }: ApiClient,
  body: () => Promise<Result>,
): Promise<Result> {
  try {
    return await body();
  } catch (cause) {
    if (!signal.aborted) throw cause;
    throw new HalflapError('INTERRUPTED', 'nobody watches any more; the job goes on', {
      hint: 'halflap jobs follow shows it again, halflap jobs cancel ends it',
      cause,
    });
  }
}
