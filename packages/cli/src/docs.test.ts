// The documentation and the code say the same, in both directions.

import { readFileSync } from 'node:fs';
import { ERRORS, EXIT, PHASES, SQLSTATES, VERBS } from '@halflap/protocol';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { SHARD_KEYS, TOP_KEYS } from './config.js';
import { GROUP_KEYS, OIDC_KEYS } from './oidc-config.js';
import { createProgram } from './program.js';
import { SERVER_KEYS } from './server-config.js';

const cli = page('cli.md');
const errors = page('errors.md');
const glossary = page('glossary.md');
const program = createProgram('0.0.0');
const commands = leavesOf(program);

describe('docs/cli.md', () => {
  it('has one section for each command, with its arguments', () => {
    const documented = sectionsOf(cli)
      .map((section) => /^halflap (\S+.*)$/.exec(section.title)?.[1])
      .filter((title) => title !== undefined);
    expect(documented).toEqual(commands.map((command) => usageOf(command)));
  });

  it.each(commands.map((command) => [nameOf(command), command] as const))(
    'lists the options of %s, and no others',
    (_, command) => {
      const section = sectionsOf(cli).find((one) => one.title === `halflap ${usageOf(command)}`);
      expect(firstCells(section?.text ?? '', 'option').sort()).toEqual(
        command.options.map((option) => option.flags).sort(),
      );
    },
  );

  it('lists the options of every command', () => {
    const section = sectionsOf(cli).find((one) => one.title === 'Options of every command');
    const flags = program.options.map((option) => option.flags);
    const documented = firstCells(section?.text ?? '', 'option');
    expect(documented.sort()).toEqual([...flags, '-h, --help'].sort());
  });

  it('lists the options of every group of commands', () => {
    const section = sectionsOf(cli).find((one) => one.title === 'Which server, and who asks');
    const documented = firstCells(section?.text ?? '', 'option').sort();
    // Of these the shards are asked, and no server.
    const ofShards = ['buckets', 'features', 'messages', 'behaviours'];
    const groups = program.commands.filter(
      (command) => command.commands.length > 0 && !ofShards.includes(command.name()),
    );
    expect(groups.length).toBeGreaterThan(2);
    for (const group of groups) {
      expect(group.options.map((option) => option.flags).sort()).toEqual(documented);
    }
  });

  it('lists every exit code', () => {
    const documented = tableOf(cli, 'exit code').map((row) => Number(row[0]));
    expect(documented).toEqual(Object.values(EXIT));
  });

  it('lists every key of halflap.yaml', () => {
    const keys = tableOf(cli, 'key').flatMap((row) => codesIn(row[0] ?? ''));
    const signIn = [...OIDC_KEYS, ...GROUP_KEYS];
    expect(keys.sort()).toEqual([...TOP_KEYS, ...SHARD_KEYS, ...SERVER_KEYS, ...signIn].sort());
  });
});

describe('docs/errors.md', () => {
  it('lists every error with its exit code, and no others', () => {
    const documented = tableOf(errors, 'code').map(([code, exit, again]) => [code, exit, again]);
    const registered = Object.entries(ERRORS).map(([code, { exit, retryable }]) => [
      `\`${code}\``,
      String(exit),
      retryable ? 'yes' : 'no',
    ]);
    expect(documented.sort()).toEqual(registered.sort());
  });

  it('lists every SQLSTATE, and no others', () => {
    const documented = tableOf(errors, 'SQLSTATE').map((row) => row[0]);
    expect(documented).toEqual(Object.keys(SQLSTATES).map((code) => `\`${code}\``));
  });

  it('lists the status over HTTP of what the application answers', () => {
    const documented = tableOf(errors, 'code').filter((row) => row.length === 6);
    const statuses = new Map(
      Object.entries(ERRORS).map(([code, { status }]) => [`\`${code}\``, String(status)]),
    );
    expect(documented.length).toBeGreaterThan(5);
    for (const [code = '', , , status] of documented) expect(status).toBe(statuses.get(code));
  });

  it('says for each what it means and what to do next', () => {
    const rows = [...tableOf(errors, 'code'), ...tableOf(errors, 'SQLSTATE')];
    for (const row of rows) expect(row.slice(-2).every((cell) => cell.length > 10)).toBe(true);
  });

  it('lists every exit code', () => {
    const documented = tableOf(errors, 'exit code').map((row) => Number(row[0]));
    expect(documented).toEqual(Object.values(EXIT));
  });
});

describe('docs/glossary.md', () => {
  it('has every phase and every verb, once', () => {
    const words = tableOf(glossary, 'word').map((row) => row[0]?.replaceAll('*', ''));
    expect(new Set(words).size).toBe(words.length);
    expect(words).toEqual(expect.arrayContaining([...PHASES, ...VERBS]));
  });
});

function page(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

/** The commands that do something, those of groups too: in place of `hosts`, `hosts list` … */
function leavesOf(parent: Command): Command[] {
  return parent.commands.flatMap((one) => (one.commands.length > 0 ? leavesOf(one) : [one]));
}

/** `plan`, `hosts list`. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent === program
    ? command.name()
    : `${nameOf(parent)} ${command.name()}`;
}

/** `plan [version]`: the name and the arguments as the usage line prints them. */
function usageOf(command: Command): string {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [nameOf(command), ...words].join(' ');
}

function sectionsOf(text: string): { title: string; text: string }[] {
  return text
    .split(/^#{1,2} /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...rest] = part.split('\n');
      return { title, text: rest.join('\n') };
    });
}

/** Rows of every table whose first heading is `heading`, cells trimmed. */
function tableOf(text: string, heading: string): string[][] {
  const rows: string[][] = [];
  let isInside = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) {
      isInside = false;
      continue;
    }
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (cells[0] === heading) isInside = true;
    else if (isInside && !/^-+$/.test(cells[0] ?? '')) rows.push(cells);
  }
  return rows;
}

function firstCells(text: string, heading: string): string[] {
  return tableOf(text, heading).flatMap((row) => codesIn(row[0] ?? ''));
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}
