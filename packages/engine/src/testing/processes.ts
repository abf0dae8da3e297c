// How a postmaster and all of its children are killed as by a power cut.
//
// A postmaster that is killed alone leaves its children running until they next wait, and its files
// cannot be opened again before. Each child leads a session of its own, so no signal to a group
// reaches them: they are found by their parent. The parent is halted first, or it would replace
// them.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { platform } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

interface ProcessRow {
  readonly id: number;
  readonly parentId: number;
  readonly isZombie: boolean;
}

/** SIGKILL to the process and its children; resolves when all of them hold nothing any more. */
export async function killTree(parentId: number): Promise<void> {
  signal(parentId, 'SIGSTOP');
  const rows = await processes();
  const ids = rows.filter((row) => row.parentId === parentId).map((row) => row.id);
  for (const id of [...ids, parentId]) signal(id, 'SIGKILL');
  while ((await processes()).some((row) => ids.includes(row.id) && !row.isZombie)) await delay(5);
}

function signal(id: number, name: 'SIGSTOP' | 'SIGKILL'): void {
  try {
    process.kill(id, name);
  } catch {
    // It has ended by itself, which is what was asked for.
  }
}

async function processes(): Promise<ProcessRow[]> {
  return platform() === 'linux' ? fromProc() : fromPs();
}

/** Small Linux images have no ps. */
async function fromProc(): Promise<ProcessRow[]> {
  const ids = (await fs.readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const rows = await Promise.all(
    ids.map(async (id) => {
      const text = await fs.readFile(`/proc/${id}/stat`, 'utf8').catch(() => '');
      // The name in parentheses may hold anything, so fields count from its end (proc(5)).
      const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return { id: Number(id), parentId: Number(parent), isZombie: state === 'Z' };
    }),
  );
  return rows.filter((row) => Number.isInteger(row.parentId));
}

async function fromPs(): Promise<ProcessRow[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,state=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([id, parent, state]) => ({
      id: Number(id),
      parentId: Number(parent),
      isZombie: state?.startsWith('Z') ?? false,
    }));
}
