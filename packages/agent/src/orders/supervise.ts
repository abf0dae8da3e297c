// What the supervisor of one run does: claims the run, does its work, writes down how it ended. It
// is a process of its own, so that neither the end of the agent nor its upgrade ends the work; and
// it needs nothing but the run's directory.
//
// Invariant: claim.json is on the disk before anything acts, result.json is there once everything
// else is.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Order, Result } from '@halflap/protocol/agent';
import { codeOf, readValue, replace, writeOnce } from '../durable.js';
import { type Booting, isGoingDown } from './booting.js';
import { Capture } from './capture.js';
import { Interruption } from './interruption.js';
import {
  type BegunRun,
  type Claim,
  emptyResult,
  FACTS,
  JOURNAL_FORMAT,
  type KeptOrder,
  MAX_MESSAGE,
  type Mend,
} from './journal.js';
import { markOf, readBootId } from './liveness.js';
import { PieceWriter } from './output-file.js';
import { mendWork, performWork } from './perform.js';
import { watchDirectory } from './watch.js';
import { INTERRUPTED, type Outcome } from './work.js';

/** A disk that is full is asked again. */
const RETRY_MS = 1000;

/** Does the work of a run, unless another supervisor has it; returns when its result is kept. */
export async function supervise(directory: string): Promise<void> {
  const kept = await readValue<KeptOrder>(directory, FACTS.order);
  const begun = await readValue<BegunRun>(directory, FACTS.begun);
  if (kept?.format !== JOURNAL_FORMAT || begun?.format !== JOURNAL_FORMAT) return;
  const order = JSON.parse(kept.order) as Order;
  const startedAt = new Date().toISOString();
  if (!(await claim(directory, startedAt))) {
    if (order.work.kind === 'packages') await mend(directory, order, begun);
    return;
  }
  const interruption = new Interruption();
  const timer = setTimeout(() => interruption.ask('timed_out'), order.timeoutSeconds * 1000);
  const lookForCancel = () => {
    if (fs.existsSync(join(directory, FACTS.cancel))) interruption.ask('cancelled');
  };
  const watch = watchDirectory(directory, lookForCancel);
  lookForCancel();
  // The host goes down, or somebody ends the unit.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => interruption.ask('stopped'));
  }
  process.on('SIGHUP', () => {});
  const output = fs.openSync(join(directory, FACTS.output), 'w', 0o600);
  const capture = new Capture(new PieceWriter(output), order.outputLimitBytes);
  const outcome = interruption.signal.aborted
    ? INTERRUPTED
    : await performWork(order, { directory, begun, capture, interruption });
  clearTimeout(timer);
  watch.close();
  const counts = capture.end();
  fs.fsyncSync(output);
  fs.closeSync(output);
  const result = { ...judge(order, outcome, interruption), startedAt, ...counts };
  if (!isGoingDown(order, outcome, interruption)) return keepResult(directory, result);
  // The agent of the next boot says how it ended.
  const booting: Booting = { format: JOURNAL_FORMAT, result: whole(result) };
  await untilTaken(() => writeOnce(directory, FACTS.booting, booting));
}

async function claim(directory: string, at: string): Promise<boolean> {
  const supervisor = await markOf(process.pid);
  const bootId = await readBootId();
  return writeOnce(directory, FACTS.claim, { format: JOURNAL_FORMAT, at, bootId, supervisor });
}

/**
 * Where the agent asks for it: of a run whose supervisor went down with the host. How far that one
 * came nobody knows, so the run is lost; but the host is not left with half of a transaction.
 */
async function mend(directory: string, order: Order, begun: BegunRun): Promise<void> {
  const asked = await readValue<Mend>(directory, FACTS.mend);
  const claimed = await readValue<Claim>(directory, FACTS.claim);
  if (asked?.format !== JOURNAL_FORMAT || claimed?.bootId === asked.bootId) return;
  // The host that goes down once more waits for it, as for the transaction itself.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  const supervisor = await markOf(process.pid);
  await replace(directory, FACTS.mend, { ...asked, supervisor } satisfies Mend);
  const output = fs.openSync('/dev/null', 'w');
  const capture = new Capture(new PieceWriter(output), 0);
  const interruption = new Interruption();
  const said = await mendWork(order, { directory, begun, capture, interruption });
  fs.closeSync(output);
  const lost = emptyResult('lost', `the host went down while it ran; ${said}`, new Date());
  await keepResult(directory, { ...lost, startedAt: claimed?.at ?? null });
}

/** What the outcome of the work means for the order. */
function judge(order: Order, outcome: Outcome, { askedBy }: Interruption) {
  const { exitCode, signal } = outcome;
  if (outcome.state !== 'interrupted') {
    const late = askedBy === null ? '' : `; ${LATE[askedBy]} when it could not be ended any more`;
    return { state: outcome.state, exitCode, signal, message: outcome.message + late };
  }
  const state = askedBy === 'cancelled' || askedBy === 'timed_out' ? askedBy : 'failed';
  const why = {
    cancelled: 'a server asked for its end',
    timed_out: `it ran longer than ${order.timeoutSeconds} seconds`,
    stopped: 'its supervisor was asked to end',
  }[askedBy ?? 'stopped'];
  return { state, exitCode, signal, message: `${why}: ${outcome.message}` } as const;
}

const LATE = {
  cancelled: 'its end was asked for',
  timed_out: 'its time was over',
  stopped: 'its supervisor was asked to end',
} as const;

async function keepResult(directory: string, result: Omit<Result, 'endedAt'>): Promise<void> {
  await untilTaken(() => writeOnce(directory, FACTS.result, whole(result)));
}

function whole(result: Omit<Result, 'endedAt'>): Result {
  const message = result.message.slice(0, MAX_MESSAGE);
  return { ...result, message, endedAt: new Date().toISOString() };
}

async function untilTaken(write: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await write();
      return;
    } catch (error) {
      // Somebody has taken the run away.
      if (codeOf(error) === 'ENOENT') return;
      // What is known here is known nowhere else: it waits until the disk takes it.
      await pause(RETRY_MS);
    }
  }
}
