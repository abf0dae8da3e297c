// Does the work of an order by its kind, with the run's output and its limits around it.

import type { Order } from '@halflap/protocol/agent';
import { writeOnce } from '../durable.js';
import type { Capture } from './capture.js';
import type { Interruption } from './interruption.js';
import { type BegunRun, FACTS, JOURNAL_FORMAT } from './journal.js';
import { markOf } from './liveness.js';
import type { OutputStream } from './output-file.js';
import { type Program, type ProgramEnd, runProgram } from './program.js';
import { failed, type Outcome, type ReadEnd, type WorkHost } from './work.js';
import { runCommand } from './work-command.js';
import { lookAtFile } from './work-file.js';
import { mendPackages, runPackages } from './work-packages.js';
import { runService } from './work-service.js';

export interface Surroundings {
  readonly directory: string;
  readonly begun: BegunRun;
  readonly capture: Capture;
  readonly interruption: Interruption;
}

/** What a program that is read for us alone may say. */
const READ_BYTES = 16 * 1024 * 1024;

/** Never throws: what goes wrong here is how the work ended. */
export async function performWork(order: Order, surroundings: Surroundings): Promise<Outcome> {
  try {
    return await perform(order, hostOf(order, surroundings));
  } catch (error) {
    return failed(`the work could not be done: ${(error as Error).message}`);
  }
}

/** Puts in order what a package transaction left when the host went down. Never throws. */
export async function mendWork(order: Order, surroundings: Surroundings): Promise<string> {
  surroundings.interruption.commit();
  try {
    return await mendPackages(hostOf(order, surroundings));
  } catch (error) {
    return `what it left could not be put in order: ${(error as Error).message}`;
  }
}

function perform({ work }: Order, host: WorkHost): Promise<Outcome> {
  switch (work.kind) {
    case 'packages':
      return runPackages(work, host);
    case 'service':
      return runService(work, host);
    case 'command':
      return runCommand(work, host);
    case 'file':
      return lookAtFile(work, host);
    default:
      return work satisfies never;
  }
}

function hostOf({ work }: Order, surroundings: Surroundings): WorkHost {
  const { directory, begun, capture, interruption } = surroundings;
  type OnOutput = (stream: OutputStream, chunk: Buffer) => void;
  const run = (program: Program, onOutput: OnOutput): Promise<ProgramEnd> =>
    runProgram(program, {
      onOutput,
      onStart: (pid) => keepWorker(directory, pid),
      signal: interruption.signal,
      graceMs: begun.graceMs,
      // A maintainer script may start what is to stay.
      leavesGroup: work.kind === 'packages',
    });
  return {
    run: (program) => run(program, (stream, chunk) => capture.add(stream, chunk)),
    read: async (program): Promise<ReadEnd> => {
      const chunks: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] };
      let room = READ_BYTES;
      const end = await run(program, (stream, chunk) => {
        if (room > 0) chunks[stream].push(chunk);
        room -= chunk.length;
      });
      const text = (stream: OutputStream) => Buffer.concat(chunks[stream]).toString('utf8');
      return { ...end, stdout: text('stdout'), stderr: text('stderr') };
    },
    say: (line) => capture.add('stdout', Buffer.from(`${line}\n`)),
    signal: interruption.signal,
    commit: () => interruption.commit(),
    lockWaitSeconds: begun.lockWaitSeconds,
  };
}

/** The first program of a run; the agent ends it should the supervisor be killed. */
async function keepWorker(directory: string, pid: number): Promise<void> {
  const worker = await markOf(pid);
  // Not worth the work: without it the agent cannot end what a killed supervisor has left.
  const value = { format: JOURNAL_FORMAT, worker };
  await writeOnce(directory, FACTS.work, value).catch(() => false);
}
