// The operator: types `halflap` commands, each a process of its own, and reads their JSON lines.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Line, startProgram } from './programs.js';
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
  readonly lines: readonly Line[];
}

export class Operator {
  readonly #directory: string;
  readonly #running = new Set<ChildProcess>();

  constructor(directory: string) {
    this.#directory = directory;
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

  /** @returns its last line. @throws Error when the command does not end with exit code 0. */
  async run(...args: readonly string[]): Promise<Line> {
    const { exitCode, error, lines } = await this.ask(...args);
    if (exitCode === 0) return lines.at(-1) ?? {};
    const evidence = (error?.detail.evidence ?? []).map((line) => `\n  ${line}`).join('');
    throw new Error(
      `halflap ${args.join(' ')} ended with ${exitCode}: ` +
        `${error?.code} ${error?.message}${evidence}`,
    );
  }

  /** The same, whatever the command ends with. */
  async ask(...args: readonly string[]): Promise<CommandResult> {
    const lines: Line[] = [];
    const onLine = (line: Line) => lines.push(line);
    const {
      process: child,
      ended,
      noise,
    } = startProgram(args, {
      directory: this.#directory,
      onLine,
    });
    this.#running.add(child);
    const exitCode = await ended;
    this.#running.delete(child);
    const told = lines.find((line) => line.error !== undefined)?.error as CommandError | undefined;
    const other = { code: 'NONE', message: noise().trim(), hint: null, detail: {} };
    return { exitCode, error: told ?? (exitCode === 0 ? undefined : other), lines };
  }

  async stop(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL');
    await Promise.all([...this.#running].map((child) => gone(child)));
  }
}

export async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
