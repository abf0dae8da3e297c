// Whether a line that a page shows is one that the command line takes: its command and its options.

import type { Command } from 'commander';
import { createProgram } from '../../packages/cli/src/program.js';

const program = createProgram('0.0.0');

/** @returns what is wrong with it; undefined: nothing. */
export function wrongIn(line: string): string | undefined {
  const [name, ...words] = line.split(' ');
  if (name !== 'halflap') return `${line}: it does not begin with halflap`;
  let command: Command = program;
  let at = 0;
  for (;;) {
    const next = command.commands.find((one) => one.name() === words[at]);
    if (next === undefined) break;
    command = next;
    at += 1;
  }
  if (command.commands.length > 0) return `${line}: no such command`;
  const end = words.indexOf('--');
  const options = words.slice(at, end === -1 ? undefined : end).filter((one) => /^--\w/.test(one));
  const known = [...command.options, ...(command.parent?.options ?? [])].map(({ long }) => long);
  const wrong = options.find((option) => !known.includes(option));
  return wrong === undefined ? undefined : `${line}: no option ${wrong}`;
}
