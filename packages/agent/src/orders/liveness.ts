// Whether a process of which another process wrote down the number is still the same one, and
// whether the host has been booted since. Source: proc(5), /proc/PID/stat.

import { readFile } from 'node:fs/promises';

/** A process, told apart from a later one that has got the same number. */
export interface ProcessMark {
  readonly pid: number;
  /** Clock ticks from the boot to its start. */
  readonly ticks: string;
}

/** Field 22 of /proc/PID/stat is the start; the fields after the name begin with the third. */
const STATE_FIELD = 3 - 3;
const START_FIELD = 22 - 3;

/** Null when no process has that number, or only its exit code is left of it. */
export async function markOf(pid: number): Promise<ProcessMark | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The name stands in parentheses and may hold anything, also spaces and parentheses.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields?.[START_FIELD];
  return ticks === undefined || fields?.[STATE_FIELD] === 'Z' ? null : { pid, ticks };
}

export async function isAlive({ pid, ticks }: ProcessMark): Promise<boolean> {
  return (await markOf(pid))?.ticks === ticks;
}

/** Another one after each boot. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
