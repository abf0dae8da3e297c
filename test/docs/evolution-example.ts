// The examples of docs/evolution-file.md: two schemas, an evolution, and what `halflap check`
// prints.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Block, ROOT } from './page.js';

export interface Example {
  readonly line: number;
  readonly oldSchema: string;
  readonly newSchema: string;
  readonly evolution: string;
  /** What is printed: the result, or the error. */
  readonly printed: readonly string[];
  readonly isWrong: boolean;
}

/** The schemas of an example stand before its evolution, its output behind it. */
export function examplesIn(blocks: readonly Block[]): Example[] {
  const examples: Example[] = [];
  const last = (info: string, before: number) =>
    blocks
      .slice(0, before)
      .findLast((block) => block.info === info)
      ?.lines.join('\n') ?? '';
  blocks.forEach((block, index) => {
    if (block.info !== 'yaml evolution' && block.info !== 'yaml wrong') return;
    examples.push({
      line: block.line,
      oldSchema: last('sql 1.0', index),
      newSchema: last('sql 2.0', index),
      evolution: block.lines.join('\n'),
      printed: blocks[index + 1]?.lines ?? [],
      isWrong: block.info === 'yaml wrong',
    });
  });
  return examples;
}

export interface Checked {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `halflap check 2.0` on the example, with databases on the scratch server. */
export async function checkExample(example: Example, scratchUrl: string): Promise<Checked> {
  const directory = mkdtempSync(join(tmpdir(), 'halflap-example-'));
  const write = (path: string, text: string) => writeFileSync(join(directory, path), text);
  for (const version of ['1.0', '2.0'])
    mkdirSync(join(directory, 'releases', version), { recursive: true });
  write('halflap.yaml', 'app: example\nscratch_env: SCRATCH\n');
  write('releases/1.0/schema.sql', example.oldSchema);
  write('releases/2.0/schema.sql', example.newSchema);
  write('releases/2.0/evolution.yaml', example.evolution);
  const main = join(ROOT, 'packages/cli/bin/halflap.js');
  const child = spawn(process.execPath, [main, 'check', '2.0'], {
    cwd: directory,
    env: { PATH: process.env.PATH, SCRATCH: scratchUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      rmSync(directory, { recursive: true });
      resolve({ code, stdout, stderr: stderr.replaceAll(`${directory}/`, '') });
    });
  });
}

/** The lines that the page shows: durations differ, trailing blanks do not count. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/ in \d+(\.\d+)?s/, '').trimEnd())
    .filter((line) => line !== '');
}
