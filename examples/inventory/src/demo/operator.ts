// The operator: types `halflap` commands, each a process of its own, and reads their JSON lines.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Progress } from '@halflap/engine';
import type { ShardUrls } from './shards.js';

export interface CommandError {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly detail: { readonly evidence?: readonly string[] };
}

export interface CommandResult {
  readonly exitCode: number | null;
  readonly error: CommandError | undefined;
}

export interface CommandRun {
  readonly done: Promise<CommandResult>;
  /** Ends it at once, as a power failure would. */
  kill(): void;
}

export class Operator {
  readonly #directory: string;
  readonly #running = new Set<ChildProcess>();
  readonly #onProgress: (progress: Progress | null) => void;

  constructor(directory: string, onProgress: (progress: Progress | null) => void) {
    this.#directory = directory;
    this.#onProgress = onProgress;
  }

  /**
   * Writes halflap.yaml, as an operator has it. URLs come from files, so that none is in the
   * text.
   */
  async configure(shards: ShardUrls, releases: string, bundleFile: string): Promise<void> {
    const lines = ['app: inventory', `releases: ${JSON.stringify(releases)}`];
    lines.push(`bundle: ${JSON.stringify(bundleFile)}`, 'shards:');
    for (const [name, url] of Object.entries(shards)) {
      await writeFile(join(this.#directory, `${name}.url`), url, { mode: 0o600 });
      lines.push(`  - name: ${name}`, `    url_file: ${name}.url`);
    }
    await writeFile(join(this.#directory, 'halflap.yaml'), `${lines.join('\n')}\n`);
  }

  /** @throws Error when the command does not end with exit code 0. */
  async run(...args: readonly string[]): Promise<void> {
    const { exitCode, error } = await this.start(...args).done;
    if (exitCode === 0) return;
    const evidence = (error?.detail.evidence ?? []).map((line) => `\n  ${line}`).join('');
    throw new Error(
      `halflap ${args.join(' ')} ended with ${exitCode}: ` +
        `${error?.code} ${error?.message}${evidence}`,
    );
  }

  start(...args: readonly string[]): CommandRun {
    const child = spawn(process.execPath, [CLI, '--json', ...args], {
      cwd: this.#directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    return { done: this.#follow(child), kill: () => child.kill('SIGKILL') };
  }

  async stop(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await Promise.all([...this.#running].map((child) => ended(child)));
  }

  async #follow(child: ChildProcess): Promise<CommandResult> {
    let error: CommandError | undefined;
    let noise = '';
    child.stderr?.on('data', (chunk) => {
      noise += chunk;
    });
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const event = JSON.parse(line);
        if (event.event === 'progress') this.#onProgress(event);
        if (event.error !== undefined) error = event.error;
      });
    }
    await once(child, 'close');
    this.#running.delete(child);
    this.#onProgress(null);
    if (error === undefined && child.exitCode !== 0) {
      error = { code: 'NONE', message: noise.trim(), hint: null, detail: {} };
    }
    return { exitCode: child.exitCode, error };
  }
}

const CLI = fileURLToPath(import.meta.resolve('@halflap/cli/dist/main.js'));

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
