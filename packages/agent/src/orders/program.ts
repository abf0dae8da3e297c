// One program with all that it starts: in a session and a process group of its own, with nothing
// of our environment, its output read as it comes.
//
// The end: SIGTERM to the whole group, SIGKILL after the grace time. A program that ends by itself
// takes the rest of its group with it in the same way, so that a run that has ended has ended. What
// has left the group (a daemon that began a session of its own) goes with the run's unit where
// systemd runs the host, and stays elsewhere.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { OutputStream } from './output-file.js';

export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProgramHost {
  readonly onOutput: (stream: OutputStream, chunk: Buffer) => void;
  readonly onStart: (pid: number) => Promise<void>;
  /** Aborted when the program is to end. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** Whether processes that the program leaves in its group stay. */
  readonly leavesGroup: boolean;
}

export interface ProgramEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it was asked to end before it had ended. */
  readonly wasInterrupted: boolean;
}

/** How often it is looked whether a group is gone. */
const LOOK_EVERY_MS = 50;
/** For output that is still in a pipe which somebody outside of the group holds open. */
const DRAIN_MS = 1000;

/** @throws the system's error when the program cannot be started. */
export async function runProgram(program: Program, host: ProgramHost): Promise<ProgramEnd> {
  const child = spawn(program.path, program.args, {
    cwd: program.directory,
    env: program.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.on('data', (chunk: Buffer) => host.onOutput('stdout', chunk));
  child.stderr.on('data', (chunk: Buffer) => host.onOutput('stderr', chunk));
  const closed = once(child, 'close').catch(() => undefined);
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  await Promise.race([once(child, 'spawn'), exited]);
  const group = child.pid ?? 0;
  let wasInterrupted = false;
  const interrupt = () => {
    wasInterrupted = true;
    void endGroup(group, host.graceMs);
  };
  await host.onStart(group);
  if (host.signal.aborted) interrupt();
  host.signal.addEventListener('abort', interrupt);
  const [exitCode, signal] = await exited;
  host.signal.removeEventListener('abort', interrupt);
  if (!host.leavesGroup) await endGroup(group, host.graceMs);
  await Promise.race([closed, pause(DRAIN_MS, undefined, { ref: false })]);
  child.stdout.destroy();
  child.stderr.destroy();
  return { exitCode, signal, wasInterrupted };
}

/** Ends every process of a group; returns when none is left, or after SIGKILL. */
export async function endGroup(group: number, graceMs: number): Promise<void> {
  signalGroup(group, 'SIGTERM');
  const until = performance.now() + graceMs;
  while (isGroupThere(group) && performance.now() < until) await pause(LOOK_EVERY_MS);
  signalGroup(group, 'SIGKILL');
}

const isGroupThere = (group: number): boolean => signalGroup(group, 0);

/** @returns false when the group has no process, or none that we may end. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  // Of group 0 and 1 the system makes something else: our own group, and everything.
  if (group <= 1) return false;
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}
