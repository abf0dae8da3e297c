// The examples of docs/evolution-file.md: two schemas, an evolution, and what `halflap check`
// prints.

import { createWorkspace, type Ended } from '../../packages/cli/test/run-cli.js';
import type { Block } from './page.js';

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

/** Runs `halflap check 2.0` on the example, with databases on the scratch server. */
export async function checkExample(example: Example, scratchUrl: string): Promise<Ended> {
  const workspace = createWorkspace({
    'halflap.yaml': 'app: example\nscratch_env: SCRATCH\n',
    'releases/1.0/schema.sql': example.oldSchema,
    'releases/2.0/schema.sql': example.newSchema,
    'releases/2.0/evolution.yaml': example.evolution,
  });
  const ended = await workspace.run(['check', '2.0'], { SCRATCH: scratchUrl });
  workspace.remove();
  return { ...ended, stderr: ended.stderr.replaceAll(`${workspace.directory}/`, '') };
}

/** The lines that the page shows: durations differ, trailing blanks do not count. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/ in \d+(\.\d+)?s/, '').trimEnd())
    .filter((line) => line !== '');
}
