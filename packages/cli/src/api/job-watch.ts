// Watches a job until it ends: how far it is, and what it writes on its hosts.
//
// What its hosts write comes by a live view, from the server's store: nobody asks for all hosts
// again and again. A view that breaks begins anew, and what was told before is passed over.

import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError } from '@halflap/protocol';
import type { Job, JobOutput, JobRun } from '@halflap/server';
import type { ApiClient } from './client.js';
import { readEvents } from './event-reader.js';
import { harmless } from './harmless.js';
import { OPERATIONS } from './operations.js';

const LOOK_MS = 1000;
/** How often a view that broke is tried to be opened again, each time after LOOK_MS. */
const REOPENINGS = 10;
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

/** A piece of what a host has written. */
export interface HostOutput {
  readonly host: string;
  readonly hostname: string;
  readonly number: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  readonly at: string;
}

export interface JobSeen {
  /** It is further than before. */
  job(job: Job): void;
  /** Pieces of a host come in their order, each once. */
  output(piece: HostOutput): void;
  /** A host has ended; all its output was told before. */
  ended(run: JobRun): void;
  /** Shards that do not answer: their hosts come later; none, once they do. */
  silent(shards: readonly string[]): void;
}

/** Follows the job with all that its hosts write, to its end. @throws what `watch` does */
export async function followJob(
  client: ApiClient,
  { id, isForPeople }: { readonly id: string; readonly isForPeople: boolean },
  seen: JobSeen,
): Promise<Job> {
  const told = new Told(seen);
  for (let isFirst = true; ; isFirst = false) {
    const open = () => client.watch(OPERATIONS.watchJob, { params: { id } }, undefined);
    const body = await openView(client, open, isFirst);
    try {
      for await (const { event, data } of readEvents(body)) {
        const ended = told.take(event, JSON.parse(data, isForPeople ? shown : undefined));
        if (ended !== undefined) return ended;
      }
    } catch (error) {
      // A server that goes: another begins anew.
      if (client.signal.aborted || error instanceof HalflapError) throw error;
    } finally {
      body.destroy();
    }
    await pause(client);
  }
}

/** Tells what was not told yet, through all views of one job. */
class Told {
  readonly #seen: JobSeen;
  /** By host: the number of the next piece. */
  readonly #next = new Map<string, number>();
  readonly #ended = new Set<string>();

  constructor(seen: JobSeen) {
    this.#seen = seen;
  }

  /** The job, with its last event. What a newer server may send besides is passed over. */
  take(event: string, data: unknown): Job | undefined {
    if (event === 'output') this.#output(data as HostOutput);
    if (event === 'host') this.#host(data as JobRun);
    if (event === 'silent') this.#seen.silent((data as { shards: string[] }).shards);
    if (event !== 'job') return undefined;
    const job = data as Job;
    this.#seen.job(job);
    return job.endedAt === null ? undefined : job;
  }

  #output(piece: HostOutput): void {
    if (piece.number < (this.#next.get(piece.host) ?? 0)) return;
    this.#next.set(piece.host, piece.number + 1);
    this.#seen.output(piece);
  }

  #host(run: JobRun): void {
    if (isOpen(run) || this.#ended.has(run.host)) return;
    this.#ended.add(run.host);
    this.#seen.ended(run);
  }
}

/** The output of one host as it comes, until the host ends. @throws what `watch` does */
export async function watchRun(
  client: ApiClient,
  { job, host, isForPeople }: { job: string; host: string; isForPeople: boolean },
  seen: (output: JobOutput) => void,
): Promise<void> {
  let lastId: string | undefined;
  for (let isFirst = true; ; isFirst = false) {
    const params = { id: job, host };
    const open = () => client.watch(OPERATIONS.watchOutput, { params }, lastId);
    const body = await openView(client, open, isFirst);
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

/** A server that was never there is not waited for; one that went away may be coming back. */
export async function openView(
  client: ApiClient,
  open: () => Promise<IncomingMessage>,
  isFirst: boolean,
): Promise<IncomingMessage> {
  for (let tries = isFirst ? REOPENINGS : 0; ; tries += 1) {
    try {
      return await open();
    } catch (error) {
      if (tries >= REOPENINGS || !mayPass(error)) throw error;
    }
    await pause(client);
  }
}

function mayPass(error: unknown): boolean {
  if (!(error instanceof HalflapError)) return false;
  return error.code === 'SERVER_UNREACHABLE' || error.retryable;
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
