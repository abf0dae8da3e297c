// The example of the papers on co-existing schema versions (examples/tasky): TasKy is in the field,
// TasKy2 and Do! come after it. Each through every phase with a few tasks, and to the end with
// many, against a plain database of TasKy that gets the same statements.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freshDatabase } from '@halflap/engine/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Client, openClient } from '../evolving/databases.js';
import type { Compiled } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { compileExample, takeThrough } from '../refactorings/example.js';
import { type Evolved, pageOf } from './page.js';

const TASKS = 100_000;
const AUTHORS = 1000;

const directoryOf = (name: string) =>
  fileURLToPath(new URL(`../../examples/tasky/${name}`, import.meta.url));

const FILL = `insert into task (author, task, prio)
  select 'author ' || i % ${AUTHORS}, 'task ' || i, i % 3 + 1 from generate_series(1, ${TASKS}) i`;

/** What 1.0 does after each verb, `{at}`. Nobody names a key: each release generates its own. */
const OLD_WRITES = [
  `insert into task (author, task, prio)
   values ('author 7', 'old {at}', 1), ('old {at}', 'old {at}', 3)`,
  `update task set prio = prio % 3 + 1, task = task || '.' where task like 'task %77'`,
  `update task set author = 'moved {at}' where author in ('author 8', 'author 9')`,
  `update task set author = 'author 8' where author = 'moved {at}' and prio > 1`,
  `delete from task where author = 'author 11' and prio = 2`,
];

interface Successor {
  readonly name: string;
  /** Everything that it sees, in the terms of 1.0. */
  readonly tasks: string;
  /** A figure of its own, and the same of 1.0. */
  readonly own: string;
  readonly ownAsOld: string;
  /** What it does in each phase, and the same as 1.0 says it. */
  readonly writes: readonly { readonly new: string; readonly old: string }[];
}

const TASKY2: Successor = {
  name: 'tasky2',
  tasks:
    'select a.name as author, t.task, t.prio from task as t join author as a on a.id = t.author',
  own: `select count(*) as figure from author as a
    where exists (select from task where author = a.id)`,
  ownAsOld: 'select count(distinct author) as figure from task',
  writes: [
    {
      new: `with made as (insert into author (name) values ('new {at}') returning id)
        insert into task (author, task, prio) select id, 'new {at}', 2 from made`,
      old: `insert into task (author, task, prio) values ('new {at}', 'new {at}', 2)`,
    },
    {
      new: `update author set name = 'author 21, {at}' where name like 'author 21%,%'
        or name = 'author 21'`,
      old: `update task set author = 'author 21, {at}' where author like 'author 21%,%'
        or author = 'author 21'`,
    },
    {
      new: `update task set prio = prio % 3 + 1
        where author = (select id from author where name = 'author 31')`,
      old: `update task set prio = prio % 3 + 1 where author = 'author 31'`,
    },
  ],
};

const DO: Successor = {
  name: 'do',
  tasks: `select author, task, 1 as prio from todo
    union all select author, task, prio from later`,
  own: 'select count(*) as figure from todo',
  ownAsOld: 'select count(*) as figure from task where prio = 1',
  writes: [
    {
      new: `insert into todo (author, task) values ('new {at}', 'new {at}')`,
      old: `insert into task (author, task, prio) values ('new {at}', 'new {at}', 1)`,
    },
    {
      new: `update todo set task = task || '!' where author = 'author 31'`,
      old: `update task set task = task || '!' where author = 'author 31' and prio = 1`,
    },
    {
      new: `delete from todo where author = 'author 41'`,
      old: `delete from task where author = 'author 41' and prio = 1`,
    },
  ],
};

describe('TasKy', () => {
  const evolved: Evolved[] = [];

  it('is the same release 1.0 for both of its successors', () => {
    const [one, other] = [TASKY2, DO].map(({ name }) =>
      readFileSync(`${directoryOf(name)}/releases/1.0/schema.sql`, 'utf8'),
    );
    expect(one).toBe(other);
  });

  describe.each([TASKY2, DO])('to $name', (successor) => {
    const directory = directoryOf(successor.name);
    let compiled: Compiled;

    beforeAll(async () => {
      compiled = await compileExample(directory);
    });

    it('goes forth and back and to the end, with writes of both after each step', async () => {
      evolved.push({ directory, ...(await takeThrough(directory)) });
    });

    it(`takes ${TASKS.toLocaleString('en')} tasks along`, () =>
      withTasks(compiled, async (course) => {
        for (const verb of ['prepare', 'expand', 'verify'] as const) {
          await course.shard.run(verb);
          await writeAsBoth(course, successor, verb);
        }
        await course.shard.run('contract');
        await writeAsNew(course, successor, 'contract');
      }));
  });

  it('has its lines counted in the README of the example', async ({ skip }) => {
    skip(evolved.length < 2, 'not both of them were run');
    await expect(pageOf(evolved)).toMatchFileSnapshot(directoryOf('README.md'));
  });
});

interface Course {
  readonly shard: Shard;
  readonly asOld: Client;
  readonly asNew: Client;
  /** A database of 1.0 that stays one, and gets the same statements. */
  readonly plain: Client;
}

async function withTasks(compiled: Compiled, body: (course: Course) => Promise<void>) {
  const shard = await installShard(compiled);
  const database = await freshDatabase();
  const course: Course = {
    shard,
    asOld: await openClient(shard.url),
    asNew: await openClient(shard.url, NEW_PATH),
    plain: await openClient(database.url),
  };
  try {
    await course.plain.query(compiled.from.schemaSql);
    for (const client of [course.plain, course.asOld]) await client.query(FILL);
    await body(course);
  } finally {
    await Promise.all([course.asOld, course.asNew, course.plain].map((client) => client.end()));
    await Promise.all([shard, database].map((one) => one.drop()));
  }
}

async function writeAsBoth(course: Course, successor: Successor, at: string): Promise<void> {
  for (const statement of OLD_WRITES.map((one) => one.replaceAll('{at}', at))) {
    await course.asOld.query(statement);
    await course.plain.query(statement);
  }
  await writeAsNew(course, successor, at);
  expect(await sumOf(course.asOld, 'select author, task, prio from task'), at).toEqual(
    await sumOf(course.plain, 'select author, task, prio from task'),
  );
}

async function writeAsNew(course: Course, successor: Successor, at: string): Promise<void> {
  for (const statement of successor.writes) {
    await course.asNew.query(statement.new.replaceAll('{at}', at));
    await course.plain.query(statement.old.replaceAll('{at}', at));
  }
  expect(await sumOf(course.asNew, successor.tasks), at).toEqual(
    await sumOf(course.plain, 'select author, task, prio from task'),
  );
  const { rows: found } = await course.asNew.query(successor.own);
  const { rows: wanted } = await course.plain.query(successor.ownAsOld);
  expect(found, `${at}: ${successor.own}`).toEqual(wanted);
}

/** How many tasks there are, and a sum over what they hold, in whatever order. */
async function sumOf(client: Client, tasks: string): Promise<unknown> {
  const { rows } = await client.query(
    `select count(*) as tasks,
       sum(hashtextextended(concat_ws('|', author, task, prio), 0)::numeric) as checksum
     from (${tasks}) as t`,
  );
  return rows[0];
}
