// What is proposed for two schemas, what is asked, and that the compiler takes what comes of it.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../compile/compile.js';
import { parseEvolution } from '../release/evolution-parser.js';
import { changeText } from '../release/evolution-text.js';
import type { Proposal } from './proposal.js';
import { propose } from './propose.js';
import { openReader, type Reader, type WrittenPair } from './testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const inventory = (version: string) =>
  readFileSync(
    new URL(`../../../../examples/inventory/releases/${version}/schema.sql`, import.meta.url),
    'utf8',
  );

const textsOf = ({ changes }: Proposal) => changes.map(({ change }) => changeText(change));
const idsOf = ({ questions }: Proposal) => questions.map(({ id }) => id);

/** The proposal, and the bundle that the compiler makes of its text. */
async function proposed(from: string, to: string, answers: Readonly<Record<string, string>> = {}) {
  const pair = await reader.pair(from, to);
  const proposal = propose(withoutChanges(pair), new Map(Object.entries(answers)));
  return { proposal, compiled: () => compiledFrom(pair, proposal) };
}

function withoutChanges({ from, to }: WrittenPair) {
  return { from, to };
}

function compiledFrom({ from, to }: WrittenPair, proposal: Proposal) {
  const text = ['from: "1.0"', 'changes:', ...textsOf(proposal)].join('\n');
  const evolution = parseEvolution(text, { file: 'evolution.yaml', to: '2.0' });
  return compile({ app: 'shop', from, to, evolution });
}

const MOODS = 'create table t (id int primary key, m mood);';

/** What, from which schema, to which, the changes, the questions. */
const TOLD: readonly [string, string, string, string[], string[]][] = [
  [
    'a label that may be another one',
    `create type mood as enum ('sad', 'glad'); ${MOODS}`,
    `create type mood as enum ('sad', 'happy'); ${MOODS.replace('m mood', 'state mood')}`,
    [],
    ['t.m', 'mood.glad'],
  ],
  [
    'a table under a similar name',
    'create table user_account (id int primary key, login text, city text, seen date);',
    'create table user_accounts (id int primary key, login text, city text, at date);',
    ['- rename_table: { table: user_account, to: user_accounts }'],
    ['user_account.seen'],
  ],
  [
    'keys that are drawn, to which others refer',
    `create table users (id serial primary key, name text);
      create table mails (id int primary key, user_id int not null references users (id));
      create table packages (name text primary key);
      create table releases (name text references packages (name), version text,
        primary key (name, version));`,
    `create table users (id uuid primary key default gen_random_uuid(), name text);
      create table mails (id int primary key, user_id uuid not null references users (id));
      create table packages (id uuid primary key default gen_random_uuid(),
        name text not null unique);
      create table releases (id uuid primary key default gen_random_uuid(),
        package_id uuid not null references packages (id), version text not null,
        unique (package_id, version));`,
    [
      '- rekey_table: { table: packages, column: id }',
      '- rekey_table: { table: releases, column: id }',
      '- rekey_table: { table: users, column: id }',
    ],
    [],
  ],
  [
    'a table with the same columns',
    'create table machines (id int primary key, name text, rack text, slot int);',
    'create table hosts (id int primary key, name text, rack text, slot int);',
    ['- rename_table: { table: machines, to: hosts }'],
    [],
  ],
  [
    'a table that becomes several under other names',
    `create table users (id bigint generated always as identity primary key, name text not null,
        is_local boolean not null default false, email text, password_hash text,
        last_login timestamptz);`,
    `create table people (id bigint generated always as identity primary key,
        name text not null, is_local boolean not null default false);
      create table logins (id bigint generated always as identity primary key,
        person_id bigint not null unique references people (id) on delete cascade,
        email text, password_hash text);
      create table visits (person_id bigint primary key references people (id) on delete cascade,
        last_login timestamptz not null);`,
    [
      `- split_table:
    table: users
    into:
      people: {}
      logins: { generate: [ id ] }
      visits: { when: last_login is not null }`,
    ],
    [],
  ],
  [
    'tables that become one',
    `create table people (id bigint primary key, name text not null, note text);
      create table logins (id bigint primary key references people (id) on delete cascade,
        username text not null unique, note text);`,
    `create table people (id bigint primary key, name text not null, note text,
        username text unique, login_note text);`,
    [
      `- merge_tables:
    into: people
    from:
      people: {}
      logins: {}`,
      '- rename_column: { table: logins, column: note, to: login_note }',
    ],
    [],
  ],
  [
    'a reference to a table under another name',
    `create table users (id int primary key, login text, city text, at date);
     create table jobs (id int primary key, user_id int references users, size int);`,
    `create table people (id int primary key, login text, city text, at date);
     create table jobs (id int primary key, person_id int references people, total int);`,
    [
      '- rename_table: { table: users, to: people }',
      '- rename_column: { table: jobs, column: user_id, to: person_id }',
    ],
    ['jobs.size'],
  ],
  [
    'a wider type',
    'create table t (id int primary key, n int, c varchar(9), e numeric);',
    'create table t (id int primary key, n bigint, c text, e numeric);',
    [
      '- convert_column: { table: t, column: n, up: n::bigint, down: n::integer }',
      '- convert_column: { table: t, column: c, up: c::text, down: c }',
    ],
    [],
  ],
  [
    'names that SQL would read otherwise',
    'create table t (id int primary key, "user" int, "my own" varchar(9));',
    'create table t (id int primary key, "user" bigint, "my own" text);',
    [
      `- convert_column: { table: t, column: user, up: '"user"::bigint', down: '"user"::integer' }`,
      `- convert_column: { table: t, column: my own, up: '"my own"::text', down: '"my own"' }`,
    ],
    [],
  ],
  [
    'nothing where the schemas say it all',
    'create table t (id int primary key, a text); create table u (id int primary key);',
    'create table t (id int primary key, a text, b int); create table w (k uuid primary key);',
    [],
    [],
  ],
];

const MOVED = `create table t (id int primary key, note text);
  create table u (id int primary key, t_id int not null references t, size int);
  create index on u (t_id);`;
const MOVED_TO = `create table t (id int primary key);
  create table u (id int primary key, t_id int not null references t, total int, note text);
  create index on u (t_id);`;

/** What, from which schema, to which, the questions, their answers, the changes then. */
const ASKED: readonly [string, string, string, string[], Record<string, string>, string[]][] = [
  [
    'unlike names of one type',
    'create table t (id int primary key, owner text not null);',
    'create table t (id int primary key, team text not null);',
    ['t.owner'],
    { 't.owner': 'team' },
    ['- rename_column: { table: t, column: owner, to: team }'],
  ],
  [
    'what only values can tell, where nothing goes on',
    'create table t (id int primary key, owner text not null);',
    'create table t (id int primary key, team text not null);',
    ['t.owner'],
    { 't.owner': 'none', 't.team.up': "'ops'", 't.owner.down': 'team' },
    [
      `- add_column: { table: t, column: team, up: "'ops'" }`,
      '- drop_column: { table: t, column: owner, down: team }',
    ],
  ],
  [
    'two columns that may be one',
    'create table t (id int primary key, first_name text, last_name text);',
    'create table t (id int primary key, name text);',
    ['t.first_name', 't.last_name'],
    { 't.first_name': 'none', 't.last_name': 'name' },
    ['- rename_column: { table: t, column: last_name, to: name }'],
  ],
  [
    'a type that does not take every value',
    'create table t (id int primary key, n text);',
    'create table t (id int primary key, n int);',
    ['t.n.up', 't.n.down'],
    { 't.n.up': "nullif(n, '')::int", 't.n.down': 'n::text' },
    [`- convert_column: { table: t, column: n, up: "nullif(n, '')::int", down: n::text }`],
  ],
  [
    'two tables that may be one',
    'create table a (id int primary key, x int, y int, z int);',
    `create table b (id int primary key, x int, y int, z int);
       create table c (id int primary key, x int, y int, z int);`,
    ['a'],
    { a: 'c' },
    ['- rename_table: { table: a, to: c }'],
  ],
  [
    'what stands where a part has no row',
    'create table t (id int primary key, a text not null, b text);',
    `create table t (id int primary key, b text);
       create table u (t_id int primary key references t on delete cascade, a text not null);`,
    ['u.a.otherwise'],
    { 'u.a.otherwise': "''" },
    [
      `- split_table:
    table: t
    into:
      t: {}
      u: { otherwise: { a: "''" } }`,
    ],
  ],
  [
    'what becomes of a name that two merged tables have',
    `create table t (id int primary key, at timestamptz not null default now());
     create table u (t_id int primary key references t on delete cascade, b text,
       at timestamptz not null default now());`,
    'create table t (id int primary key, at timestamptz not null default now(), b text);',
    ['u.at.down'],
    { 'u.at.down': 'now()' },
    [
      `- merge_tables:
    into: t
    from:
      t: {}
      u: {}`,
      '- drop_column: { table: u, column: at, down: now() }',
    ],
  ],
  [
    'a column that goes to a table that refers to its own, beside another question',
    MOVED,
    MOVED_TO,
    ['t.note.to', 'u.size'],
    { 't.note.to': 'u', 'u.size': 'total' },
    [
      '- rename_column: { table: u, column: size, to: total }',
      '- move_column: { table: t, column: note, to: u }',
    ],
  ],
  [
    'one that only seems to',
    MOVED,
    MOVED_TO,
    ['t.note.to', 'u.size'],
    { 't.note.to': 'none', 'u.size': 'total' },
    ['- rename_column: { table: u, column: size, to: total }'],
  ],
  [
    'what stands where a merged table had no row',
    `create table t (id int primary key, b text);
       create table u (t_id int primary key references t on delete cascade, a text not null);`,
    'create table t (id int primary key, a text not null, b text);',
    ['u.a.otherwise'],
    { 'u.a.otherwise': "''" },
    [
      `- merge_tables:
    into: t
    from:
      t: {}
      u: { otherwise: { a: "''" } }`,
    ],
  ],
];

describe('propose', () => {
  it('proposes for the example what its file holds, or asks', async () => {
    const open = await proposed(inventory('1.0'), inventory('2.0'));
    expect(textsOf(open.proposal)).toEqual([
      `- split_table:
    table: hosts
    into:
      hosts: {}
      host_heartbeats: { when: last_seen is not null }
      host_status: {}`,
      '- rename_column: { table: hosts, column: status_reason, to: reason }',
    ]);
    expect(open.proposal.questions).toMatchObject([
      { id: 'hosts.owner', choices: [{ word: 'team' }] },
      { id: 'hosts.memory_mb', choices: [{ word: 'memory_bytes' }] },
    ]);
    expect(open.proposal.remarks).toEqual([]);
    const told = await proposed(inventory('1.0'), inventory('2.0'), {
      'hosts.owner': 'team',
      'hosts.memory_mb': 'memory_bytes',
      'hosts.memory_bytes.up': 'memory_mb::bigint * 1048576',
      'hosts.memory_mb.down': '(memory_bytes / 1048576)::int',
    });
    expect(told.proposal.questions).toEqual([]);
    const labels = (bundle: ReturnType<typeof compile>) =>
      bundle.relations.map(({ old, new: come, kind, label }) => [old, come, kind, label]);
    const written = await reader.pair(inventory('1.0'), inventory('2.0'));
    const file = new URL(
      '../../../../examples/inventory/releases/2.0/evolution.yaml',
      import.meta.url,
    );
    const evolution = parseEvolution(readFileSync(file, 'utf8'), { file: 'e.yaml', to: '2.0' });
    expect(labels(told.compiled())).toEqual(
      labels(compile({ app: 'shop', ...written, evolution })),
    );
  });

  it.each(TOLD)('tells %s', async (...[, from, to, changes, questions]) => {
    const { proposal, compiled } = await proposed(from, to);
    expect(textsOf(proposal)).toEqual(changes);
    expect(idsOf(proposal)).toEqual(questions);
    for (const { reason } of proposal.changes) expect(reason).toMatch(/\w+ \w+/);
    if (changes.length > 0) expect(compiled().relations.length).toBeGreaterThan(0);
  });

  it.each(ASKED)('asks for %s', async (...[, from, to, questions, answers, changes]) => {
    const open = await proposed(from, to);
    expect(idsOf(open.proposal)).toEqual(questions);
    const told = await proposed(from, to, answers);
    expect(idsOf(told.proposal)).toEqual([]);
    expect(textsOf(told.proposal)).toEqual(changes);
    expect([...told.proposal.answered].sort()).toEqual(Object.keys(answers).sort());
    expect(told.compiled().relations.length).toBeGreaterThan(0);
  });

  it.each([
    [
      'unnest_column',
      'create table t (id int primary key, tags text[]);',
      `create table t (id int primary key);
       create table tags (t_id int references t, tag text, primary key (t_id, tag));`,
    ],
    [
      'nest_table',
      `create table t (id int primary key);
       create table tags (t_id int references t, tag text, primary key (t_id, tag));`,
      'create table t (id int primary key, tags text[]);',
    ],
    [
      'extract_table',
      'create table t (id int primary key, city text);',
      `create table cities (id int primary key, city text);
       create table t (id int primary key, city_id int references cities);`,
    ],
    [
      'inline_table',
      `create table cities (id int primary key, city text);
       create table t (id int primary key, city_id int references cities);`,
      'create table t (id int primary key, city text);',
    ],
    [
      'partition_rows',
      'create table jobs (id int primary key, kind text, at date);',
      `create table open_jobs (id int primary key, kind text, at date);
       create table done_jobs (id int primary key, kind text, at date);`,
    ],
    [
      'unite_tables',
      `create table open_jobs (id int primary key, kind text, at date);
       create table done_jobs (id int primary key, kind text, at date);`,
      'create table jobs (id int primary key, kind text, at date);',
    ],
    [
      'custom',
      `create table t (id int primary key);
       create table u (id int primary key, t_id int references t, note text);`,
      `create table t (id int primary key, note text);
       create table u (id int primary key, t_id int references t);`,
    ],
    ['custom', 'create table t (id int primary key);', 'create table t (id bigint primary key);'],
    [
      'rekey_table',
      'create table t (id int primary key, name text not null unique);',
      'create table t (name text primary key, id int);',
    ],
  ])('says where it may be %s, which is not proposed', async (kind, from, to) => {
    const { remarks } = (await proposed(from, to)).proposal;
    expect(remarks.filter((one) => one.kind === 'unsaid')).toEqual([
      {
        kind: 'unsaid',
        text: expect.stringMatching(`: if so, state ${kind}$`),
      },
    ]);
  });

  it('says what is lost at contract', async () => {
    const { remarks } = (
      await proposed(
        'create table t (id int primary key, colour text); create table old (k uuid primary key);',
        'create table t (id int primary key);',
      )
    ).proposal;
    expect(remarks).toEqual([
      { kind: 'lost', text: 'table old goes at contract, with its rows' },
      { kind: 'lost', text: 'column t.colour goes at contract, with its values' },
    ]);
  });
});
