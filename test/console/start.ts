// `npm start` as a person has it: the process, what it prints, and its report.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../examples/inventory/src/demo/report.js';

const MAIN = fileURLToPath(new URL('../../examples/inventory/dist/demo/main.js', import.meta.url));

export class Start {
  readonly process: ChildProcess;
  readonly #directory: string;
  readonly #ended: Promise<unknown>;
  #output = '';

  constructor(directory: string, args: readonly string[]) {
    this.#directory = directory;
    this.process = spawn(process.execPath, [MAIN, ...args, '--report', this.#report], {
      env: { ...process.env, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.process, 'close');
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output += chunk;
      });
    }
  }

  get #report(): string {
    return join(this.#directory, 'report.json');
  }

  output(): string {
    return this.#output;
  }

  /** Resolves with what the output has. @throws Error with it, when the process ends before */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found;
      if (this.process.exitCode !== null) throw new Error(this.#output);
      const { stdout } = this.process;
      await Promise.race([stdout === null ? this.#ended : once(stdout, 'data'), this.#ended]);
    }
  }

  /** Ctrl-C, and what comes of it. */
  async end(): Promise<{ readonly code: number | null; readonly report: Report }> {
    this.process.kill('SIGINT');
    return this.ended();
  }

  async ended(): Promise<{ readonly code: number | null; readonly report: Report }> {
    await this.#ended;
    const report = JSON.parse(await readFile(this.#report, 'utf8'));
    return { code: this.process.exitCode, report };
  }

  /** What it has left behind, its report apart. */
  async left(): Promise<string[]> {
    return (await readdir(this.#directory)).filter((name) => name !== 'report.json');
  }

  async remove(): Promise<void> {
    if (this.process.exitCode === null) this.process.kill('SIGKILL');
    await this.#ended;
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export async function start(...args: readonly string[]): Promise<Start> {
  const directory = await mkdtemp(join(tmpdir(), 'start-test-'));
  // Where the tests run as root, servers run as another user, and else go elsewhere.
  await chmod(directory, 0o755);
  return new Start(directory, args);
}
