// Programs of Halflap as processes of their own: `halflap …`, each of whose lines is JSON.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readable } from './servers.js';

export type Line = Readonly<Record<string, unknown>>;

export interface Program {
  readonly process: ChildProcess;
  /** Resolves when it has ended and all of its lines have been read, with its exit code. */
  readonly ended: Promise<number | null>;
  /** What it has said besides its lines so far. */
  noise(): string;
}

export interface Place {
  /** Where it runs; whoever signs in is known there too. */
  readonly directory: string;
  onLine(line: Line): void;
}

const CLI = fileURLToPath(import.meta.resolve('@halflap/cli/dist/main.js'));
const ORPHAN = new URL('orphan.js', import.meta.url).href;

export function startProgram(args: readonly string[], { directory, onLine }: Place): Program {
  const child = spawn(process.execPath, ['--import', ORPHAN, CLI, '--json', ...args], {
    cwd: directory,
    env: environmentIn(directory),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let noise = '';
  readable(child.stderr).on('data', (chunk) => {
    noise = (noise + chunk).slice(-NOISE_BYTES);
  });
  const lines = createInterface({ input: readable(child.stdout) });
  lines.on('line', (text) => onLine(JSON.parse(text)));
  const ended = once(child, 'close').then(() => child.exitCode);
  return { process: child, ended, noise: () => noise };
}

/** Of what a server says over hours the end is enough. */
const NOISE_BYTES = 20_000;

/** Without what the person at the terminal may have set for servers of his own. */
function environmentIn(directory: string): NodeJS.ProcessEnv {
  const { HALFLAP_SERVER: _, HALFLAP_TOKEN: __, HALFLAP_CA: ___, ...others } = process.env;
  return { ...others, XDG_CONFIG_HOME: directory };
}
