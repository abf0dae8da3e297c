// Reading the documentation: fenced blocks with their language and place, tables by their
// heading.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  /** What stands behind the three backticks: `console second terminal`. */
  readonly info: string;
  readonly lines: readonly string[];
  /** Of the first line inside, counted from 1. */
  readonly line: number;
}

/** @param path relative to the root of the repository. */
export function readPage(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { info: string; lines: string[]; line: number } | null = null;
  text.split('\n').forEach((line, index) => {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === null) open = { info: fence[1] ?? '', lines: [], line: index + 2 };
    else {
      blocks.push(open);
      open = null;
    }
  });
  return blocks;
}

/** The text without its fenced blocks. */
export function proseOf(text: string): string {
  let isInside = false;
  return text
    .split('\n')
    .filter((line) => {
      const isFence = /^\s*```/.test(line);
      if (isFence) isInside = !isInside;
      return !isFence && !isInside;
    })
    .join('\n');
}

/** Rows of every table whose first heading is `heading`, as cells, without the heading itself. */
export function tableOf(text: string, heading: string): string[][] {
  const rows: string[][] = [];
  let isInside = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) {
      isInside = false;
      continue;
    }
    const cells = line
      .replaceAll('\\|', '\u0000')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\u0000', '|'));
    if (cells[0] === heading) isInside = true;
    else if (isInside && !/^:?-+:?$/.test(cells[0] ?? '')) rows.push(cells);
  }
  return rows;
}
