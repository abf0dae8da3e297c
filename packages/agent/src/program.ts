// A program of the host, run to its end for what it prints: from a fixed search path, with nothing
// of the agent's environment, for a limited time and with limited output. It leads a process group
// of its own, all of which ends with it.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Host, isThere, rootOfPrograms } from './host.js';

/** What became of a program. */
export type Outcome =
  | {
      readonly kind: 'ran';
      readonly exitCode: number;
      readonly stdout: string;
      readonly stderr: string;
    }
  /** The host has no such program: what it would tell cannot be told. */
  | { readonly kind: 'missing' }
  /** It was ended by its limits, by a signal, or by the one who asked. */
  | { readonly kind: 'failed'; readonly why: string };

export interface RunOptions {
  readonly timeoutMs: number;
  /** Of both streams together; 16 MiB where nothing is said. */
  readonly outputBytes?: number;
}

const SEARCH = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;
const OUTPUT_BYTES = 16 * 1024 * 1024;

/** Where the host has a program; null where it has none. */
export async function findProgram(host: Host, name: string): Promise<string | null> {
  // A program that runs outside of `root` is one of the machine that the agent runs on.
  const where = host.enter.length > 0 ? host : { ...host, root: '/' };
  for (const directory of SEARCH) {
    const path = join(directory, name);
    if (await isThere(where, path)) return path;
  }
  return null;
}

/** Never throws, whatever the program does. */
export async function runProgram(
  host: Host,
  [name, ...args]: readonly [string, ...string[]],
  options: RunOptions,
): Promise<Outcome> {
  const path = await findProgram(host, name);
  if (path === null) return { kind: 'missing' };
  if (host.signal?.aborted) return { kind: 'failed', why: `${name} was not begun` };
  const [first, ...rest] = [...host.enter, path, ...args] as [string, ...string[]];
  const child = spawn(first, rest, {
    cwd: '/',
    detached: true,
    // Times in UTC and messages in English, whatever the host's own language is.
    env: { PATH: SEARCH.join(':'), HOME: rootOfPrograms(host), LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return await ended(child, { name, ...options, signal: host.signal });
}

interface Limits extends RunOptions {
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

function ended(child: ChildProcess, limits: Limits): Promise<Outcome> {
  const { name, signal, timeoutMs, outputBytes = OUTPUT_BYTES } = limits;
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let bytes = 0;
  let why: string | null = null;
  const end = (reason: string) => {
    why ??= `${name} ${reason}`;
    killGroup(child);
  };
  const abort = () => end('was ended with what asked for it');
  const timer = setTimeout(() => end(`took longer than ${timeoutMs} ms`), timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > outputBytes) end(`printed more than ${outputBytes} bytes`);
      else output[stream].push(chunk);
    });
  }
  return new Promise((resolve) => {
    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      resolve(outcome);
    };
    child.once('error', (error) => finish({ kind: 'failed', why: `${name}: ${error.message}` }));
    // What it has left running would keep its streams open.
    child.once('exit', () => killGroup(child));
    child.once('close', (exitCode, killedBy) => {
      const stopped = why ?? (exitCode === null ? `${name} was ended by ${killedBy}` : null);
      if (stopped !== null || exitCode === null) {
        finish({ kind: 'failed', why: stopped ?? name });
        return;
      }
      const [stdout, stderr] = [textOf(output.stdout), textOf(output.stderr)];
      finish({ kind: 'ran', exitCode, stdout, stderr });
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself, with all that it had started.
  }
}

const textOf = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
