// What the agent's disk says of its runs. Each run is a directory, each fact about it a file that
// is written once and never changed:
//
//   order.json   the order is known, and will never be taken for a new one; nothing has begun
//   begun.json   the agent has decided to begin it, with these limits
//   claim.json   one supervisor has it and is about to act; no other one ever will
//   work.json    the process that does the work
//   cancel.json  a server has asked for its end
//   output       what it wrote (output-file.ts)
//   mend.json    the host went down in a package transaction: what that left is being put in order
//   booting.json the host goes down because the order says so
//   result.json  how it ended
//   kept.json    what of that a server has kept; it and mend.json are replaced
//
// Invariants: a fact is on the disk before what it announces is done. Whoever writes claim.json is
// the only one who may act, or say that nothing acted; so a run acts at most once, however often
// agents and supervisors are killed.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Result } from '@halflap/protocol/agent';
import {
  besideName,
  codeOf,
  isLeftBeside,
  readValue,
  syncDirectory,
  writeOnce,
} from '../durable.js';
import type { ProcessMark } from './liveness.js';

/** The format of these files; a run of another format is left alone. */
export const JOURNAL_FORMAT = 1;

export interface KeptOrder {
  readonly format: number;
  /** Its text, as it was signed. */
  readonly order: string;
  readonly key: string;
  readonly signature: string;
  readonly keptAt: string;
}

export interface BegunRun {
  readonly format: number;
  readonly at: string;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  /** How long a package manager waits for another one to end. */
  readonly lockWaitSeconds: number;
}

export interface Claim {
  readonly format: number;
  readonly at: string;
  readonly bootId: string;
  /** The supervisor; null when an agent has claimed a run so that nothing ever acts. */
  readonly supervisor: ProcessMark | null;
  /** How an agent that has claimed a run says that it ended. */
  readonly result?: Result;
}

/** Once for each boot that finds a transaction cut. */
export interface Mend {
  readonly format: number;
  readonly bootId: string;
  /** Who does it; null until he has begun. */
  readonly supervisor: ProcessMark | null;
}

export interface Kept {
  readonly format: number;
  /** Pieces of output below this number, which end at this place of the file. */
  readonly below: number;
  readonly offset: number;
  /** When a server has kept the result; null before that. */
  readonly resultAt: string | null;
  /** Whether it has kept all output, too. */
  readonly isComplete: boolean;
}

export const FACTS = {
  order: 'order.json',
  begun: 'begun.json',
  claim: 'claim.json',
  work: 'work.json',
  cancel: 'cancel.json',
  mend: 'mend.json',
  booting: 'booting.json',
  output: 'output',
  result: 'result.json',
  kept: 'kept.json',
} as const;

/** All that the disk says of one run. */
export interface RunFacts {
  readonly order: KeptOrder;
  readonly begun: BegunRun | null;
  readonly claim: Claim | null;
  readonly result: Result | null;
  readonly kept: Kept | null;
}

/** As many characters as the sentence of a result may have. */
export const MAX_MESSAGE = 2000;

const DIRECTORY_MODE = 0o700;
const RUN_NAME = /^[0-9a-f-]{36}$/;

/** The directory of a run. */
export const runDirectory = (runs: string, run: string): string => join(runs, run);

/**
 * Makes a run known.
 *
 * @returns false when it is known already; nothing is changed then.
 */
export async function keepOrder(runs: string, run: string, order: KeptOrder): Promise<boolean> {
  const beside = join(runs, besideName());
  await fs.mkdir(beside, { mode: DIRECTORY_MODE });
  try {
    await writeOnce(beside, FACTS.order, order);
    // Refused by the system where a directory that is not empty has the name.
    await fs.rename(beside, runDirectory(runs, run));
  } catch (error) {
    await fs.rm(beside, { recursive: true, force: true });
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return false;
    throw error;
  }
  await syncDirectory(runs);
  return true;
}

/** Makes the directory of runs and takes away what killed writers have left; the known runs. */
export async function openRuns(runs: string): Promise<string[]> {
  await fs.mkdir(runs, { recursive: true, mode: DIRECTORY_MODE });
  const names = await fs.readdir(runs);
  for (const name of names.filter(isLeftBeside)) {
    await fs.rm(join(runs, name), { recursive: true, force: true });
  }
  return names.filter((name) => RUN_NAME.test(name)).sort();
}

/** Null when the order is not readable, or of another format. */
export async function readFacts(directory: string): Promise<RunFacts | null> {
  const order = await readValue<KeptOrder>(directory, FACTS.order).catch(() => null);
  if (order?.format !== JOURNAL_FORMAT) return null;
  return {
    order,
    begun: await readValue<BegunRun>(directory, FACTS.begun),
    claim: await readValue<Claim>(directory, FACTS.claim),
    result: await readValue<Result>(directory, FACTS.result),
    // Not worth more than its repetition: without it output is told again.
    kept: await readValue<Kept>(directory, FACTS.kept).catch(() => null),
  };
}

/**
 * Ends a run of which no supervisor has anything, and keeps every supervisor from it.
 *
 * @returns false when a supervisor has it; how it ends is that one's to say.
 */
export async function settle(
  directory: string,
  { result, bootId }: { readonly result: Result; readonly bootId: string },
): Promise<boolean> {
  const at = result.endedAt;
  const claim: Claim = { format: JOURNAL_FORMAT, at, bootId, supervisor: null, result };
  const isOurs = await writeOnce(directory, FACTS.claim, claim);
  if (isOurs) await writeOnce(directory, FACTS.result, result);
  return isOurs;
}

/** A result of a run that has done nothing, or of which nothing is known. */
export function emptyResult(state: Result['state'], message: string, now: Date): Result {
  const nothing = {
    exitCode: null,
    signal: null,
    startedAt: null,
    outputBytes: 0,
    droppedBytes: 0,
  };
  return { state, message: message.slice(0, MAX_MESSAGE), endedAt: now.toISOString(), ...nothing };
}

/** Bytes that a run takes on the disk. */
export async function sizeOf(directory: string): Promise<number> {
  const names = await fs.readdir(directory).catch(() => []);
  let bytes = 0;
  for (const name of names) {
    const found = await fs.stat(join(directory, name)).catch(() => null);
    bytes += found?.size ?? 0;
  }
  return bytes;
}

/** Takes a run away; it counts as unknown from then on. */
export async function forget(runs: string, run: string): Promise<void> {
  const beside = join(runs, besideName());
  // In one step, so that no half of it is ever taken for a run.
  await fs.rename(runDirectory(runs, run), beside);
  await fs.rm(beside, { recursive: true, force: true });
}
