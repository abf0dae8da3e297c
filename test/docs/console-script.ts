// Commands of a page with what they should print, and a place to run them in: a directory that
// looks like the clone which the page speaks of.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Block, ROOT } from './page.js';

export interface Command {
  readonly text: string;
  readonly line: number;
  readonly exitCode: number;
  /** Lines that must come in this order, among others; `…` stands for any text. */
  readonly output: readonly string[];
  readonly isBackground: boolean;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a reader finds in a clone that is built. */
const PARTS = ['node_modules', 'packages', 'examples', 'docs'];

const DEADLINE_MS = 60_000;

export function commandsOf(blocks: readonly Block[]): Command[] {
  return blocks
    .filter((block) => block.info.startsWith('console'))
    .flatMap((block) => {
      const isBackground = block.info.includes('second terminal');
      const commands: (Command & { output: string[] })[] = [];
      block.lines.forEach((text, index) => {
        if (!text.startsWith('$ ')) {
          commands.at(-1)?.output.push(text);
          return;
        }
        const exitCode = Number(/# exit code (\d+)$/.exec(text)?.[1] ?? 0);
        const line = block.line + index;
        commands.push({ text: text.slice(2), line, exitCode, output: [], isBackground });
      });
      return commands;
    });
}

/** The first expected line that is missing, in order; null when all are there. */
export function missingLine(command: Command, { stdout, stderr }: Ended): string | null {
  const found = `${stdout}\n${stderr}`.split('\n').map(comparable);
  let from = 0;
  for (const line of command.output) {
    const pattern = patternOf(line);
    const at = found.findIndex((one, index) => index >= from && pattern.test(one));
    if (at < 0) return line;
    from = at + 1;
  }
  return null;
}

/** Durations and hashes differ from run to run; tables are as wide as their longest cell. */
function comparable(line: string): string {
  return line
    .replace(/\b\d+(\.\d+)?s\b/g, '0s')
    .replace(/\b[0-9a-f]{12}\b/g, 'hash')
    .replace(/\s+/g, ' ')
    .trim();
}

function patternOf(line: string): RegExp {
  const parts = comparable(line)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** A temporary clone, and the shell in it that keeps its directory from command to command. */
export class Terminal {
  readonly #root = mkdtempSync(join(tmpdir(), 'halflap-docs-'));
  readonly #background: ChildProcess[] = [];
  #directory = this.#root;

  constructor() {
    for (const part of PARTS) symlinkSync(join(ROOT, part), join(this.#root, part));
  }

  async run(command: Command): Promise<Ended> {
    const changed = /^cd (\S+)$/.exec(command.text);
    if (changed !== null) {
      this.#directory = join(this.#directory, changed[1] ?? '.');
      return { code: 0, stdout: '', stderr: '' };
    }
    return command.isBackground ? this.#begin(command) : this.#runToEnd(command.text);
  }

  async close(): Promise<void> {
    for (const child of this.#background) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.kill('SIGINT')) await ended;
    }
    rmSync(this.#root, { recursive: true, force: true });
  }

  #start(text: string): ChildProcess {
    return spawn('bash', ['-c', text], {
      cwd: this.#directory,
      env: {
        PATH: `${this.#root}/node_modules/.bin:${process.env.PATH}`,
        HOME: this.#root,
        TMPDIR: tmpdir(),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE_MS * 10,
    });
  }

  /** `npx halflap` is found without npx, which would spend half of the test's time on itself. */
  #runToEnd(text: string): Promise<Ended> {
    const child = this.#start(text.replace(/^npx /, ''));
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Resolves when the command has printed all that the page shows. */
  #begin(command: Command): Promise<Ended> {
    const child = this.#start(`exec ${command.text}`);
    this.#background.push(child);
    let [stdout, stderr] = ['', ''];
    const sofar = () => ({ code: 0, stdout, stderr });
    return new Promise((resolve, reject) => {
      child.stderr?.on('data', (chunk) => {
        stderr += chunk;
      });
      child.stdout?.on('data', (chunk) => {
        stdout += chunk;
        if (missingLine(command, sofar()) === null) resolve(sofar());
      });
      child.once('close', () => reject(new Error(`${command.text} ended: ${stdout}${stderr}`)));
    });
  }
}
