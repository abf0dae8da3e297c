// The exact text of one small evolution, so that a change of what the engine generates is seen as
// such; and the same text run through to the end, so that what is pinned is right.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader } from '../gate/testing/written.js';
import { tryEvolution } from '../gate/trial.js';
import { withDatabase } from '../testing/index.js';
import type { Bundle, Step } from './bundle.js';
import { compile } from './compile.js';
import { textsOf } from './texts.js';

const OLD = `
create table owners (id serial primary key, mail text not null unique);
create table hosts (
  id int primary key,
  owner int references owners on delete cascade,
  seen timestamptz,
  note text not null default ''
);`;

const NEW = `
create table teams (id serial primary key, address text not null unique);
create table hosts (
  id int primary key,
  owner int references teams on delete cascade,
  note text not null default ''
);
create table heartbeats (
  host int primary key references hosts on delete cascade,
  seen timestamptz not null
);
create index heartbeats_by_seen on heartbeats (seen);`;

const CHANGES = [
  'rename_table: { table: owners, to: teams }',
  'rename_column: { table: owners, column: mail, to: address }',
  'split_table: { table: hosts, into: { hosts: {}, heartbeats: { when: seen is not null } } }',
];

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

describe('a split beside a rename', () => {
  it.each(['prepare', 'expand', 'verify', 'contract', 'abort'] as const)(
    'is this SQL to %s',
    async (verb) => {
      const bundle = await reader.bundle(OLD, NEW, CHANGES);
      await expect(scriptOf(bundle, verb)).toMatchFileSnapshot(
        `golden/split-and-rename.${verb}.txt`,
      );
    },
  );

  it('is this SQL in a session of the new release on a settled shard', async () => {
    const { sessionLens } = await reader.bundle(OLD, NEW, CHANGES);
    const about = '-- Every statement of the session lens; see golden.test.ts.\n';
    await expect(
      [about, ...sessionLens.statements.map((text) => `${text};\n`)].join('\n'),
    ).toMatchFileSnapshot('golden/split-and-rename.session-lens.txt');
  });

  it('compiles to the same bundle every time', async () => {
    const pair = await reader.pair(OLD, NEW, CHANGES);
    const input = { app: 'shop', ...pair };
    expect(JSON.stringify(compile(input))).toBe(JSON.stringify(compile(input)));
  });

  it('goes there and back and through to the end', async () => {
    const input = { app: 'shop', ...(await reader.pair(OLD, NEW, CHANGES)) };
    const trial = await tryEvolution({ input, bundle: compile(input), scratch: { withDatabase } });
    expect({ untried: trial.untried, quarantined: trial.quarantined }).toEqual({
      untried: [],
      quarantined: [],
    });
  });
});

/** The steps of a verb as one script, to be read. */
function scriptOf(bundle: Bundle, verb: keyof Bundle['steps']): string {
  const about = `-- Every step of ${verb}, as the compiler writes it; see golden.test.ts.\n`;
  const steps: readonly Step[] = bundle.steps[verb];
  const parts = steps.map((step) => {
    const head = `-- ${step.kind} ${step.id}: ${step.title}`;
    return [head, ...textsOf(step).map((text) => `${text};`)].join('\n\n');
  });
  return `${[about, ...parts].join('\n')}\n`;
}
