// Runs the real command line for tests, in a directory of its own: as a process of its own, or,
// where nothing is asked but what it prints and how it ends, in one that runs many. To start a
// process and load its modules costs more than most commands.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Resolves when stdout or stderr has shown the text, with what has matched. */
  shows(text: string | RegExp): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Reads no more of stdout, as `head` does when it has enough. */
  closeOutput(): void;
}

export interface Workspace {
  readonly directory: string;
  write(path: string, text: string): void;
  /** A process of its own. */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running;
  /** Runs to the end, in a process that runs others as well. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  remove(): void;
}

/** A server that a command starts keeps its files where the tests keep theirs. */
const ENVIRONMENT = { PATH: process.env.PATH, TMPDIR: tmpdir() };
const HOST = fileURLToPath(new URL('cli-host.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export function createWorkspace(files: Readonly<Record<string, string>> = {}): Workspace {
  const directory = mkdtempSync(join(tmpdir(), 'halflap-cli-'));
  const workspace: Workspace = {
    directory,
    write(path, text) {
      const file = join(directory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    },
    start: (args, env = {}) => start(directory, args, env),
    run: (args, env = {}) => runHosted(directory, args, env),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
  for (const [path, text] of Object.entries(files)) workspace.write(path, text);
  return workspace;
}

/** Processes that wait for the next command; they end with the process of the tests. */
const idle: ChildProcess[] = [];

async function runHosted(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const host = idle.pop() ?? startHost();
  const ended = await new Promise<Ended>((resolve, reject) => {
    const lost = (code: number | null) => {
      reject(new Error(`halflap ${args.join(' ')} ended the process that ran it, with ${code}`));
    };
    host.once('exit', lost);
    host.once('message', (message) => {
      host.off('exit', lost);
      resolve(message as Ended);
    });
    host.send({ directory, args, env: { ...ENVIRONMENT, ...env } });
  });
  idle.push(host);
  return ended;
}

function startHost(): ChildProcess {
  const host = fork(HOST, { execArgv: [], env: ENVIRONMENT });
  host.unref();
  host.channel?.unref();
  return host;
}

/** The values that the command printed with --json, one a line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function start(
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: directory,
    env: { ...ENVIRONMENT, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    tell();
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    tell();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return {
    ended,
    signal: (signal) => void child.kill(signal),
    closeOutput: () => void child.stdout.destroy(),
    shows: (text) =>
      new Promise((resolve, reject) => {
        const pattern = typeof text === 'string' ? new RegExp(escaped(text)) : text;
        const look = () => {
          const found = pattern.exec(stdout + stderr);
          if (found !== null) resolve(found);
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`never showed ${text}: ${stdout}${stderr}`)));
      }),
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
