// docs/client.md, section Other languages: what it shows of psql and of Python is run as it stands,
// on a shard of the example application in every phase, and answers as the page's table says.

import { searchPath } from '@halflap/protocol';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Compiled, compileReleases } from '../evolving/releases.js';
import { installShard, type Shard } from '../evolving/shard.js';
import { type Ended, findPrograms, runProgram } from '../setup/programs.js';
import { blocksOf, ROOT, readPage, tableOf } from './page.js';

const page = readPage('docs/client.md');
const textOf = (info: string) =>
  blocksOf(page)
    .filter((block) => block.info === info)
    .map((block) => block.lines.join('\n'));

const QUERY = 'select name, team from hosts order by name';
const ROWS = ['ada ops', 'bob web'];
const ROLE = 'inventory_2_0';

/** Phases as the table has them, each reached from the one before. */
const PHASES: Readonly<Record<string, (shard: Shard) => Promise<void>>> = {
  'settled at 1.0': async () => {},
  prepared: (shard) => shard.run('prepare'),
  expanding: (shard) => stepTo(shard, 'expand', 'expanding'),
  dual: (shard) => shard.run('expand'),
  contracting: (shard) => stepTo(shard, 'contract', 'contracting'),
  'settled at 2.0': (shard) => shard.run('contract'),
};

const psql = (await findPrograms('psql'))[0];
const python = await findPython();
const isLocal = process.env.CI === undefined;
for (const [name, found] of Object.entries({ psql, 'python3 with psycopg': python })) {
  if (found === undefined && isLocal) {
    process.stderr.write(`${name} is not installed (see .ci/run): tests skipped\n`);
  }
}

let compiled: Compiled;
let shard: Shard;
let phase: string;

beforeAll(async () => {
  const [only] = await compileReleases('inventory', `${ROOT}/examples/inventory/releases`);
  compiled = only as Compiled;
  shard = await installShard(compiled);
  await ask(
    `insert into hosts (name, owner) values ('bob', 'web'), ('ada', 'ops');
     create role ${ROLE} login password '${ROLE}';
     grant select on hosts to ${ROLE};`,
  );
});

afterAll(async () => {
  await shard.drop();
  await ask(`drop role ${ROLE}`, inject('serverUrl'));
});

/** Bound to nothing, as release 1.0 is. */
async function ask(text: string, url = shard.url): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(text).finally(() => client.end());
}

async function stepTo(on: Shard, verb: 'expand' | 'contract', wanted: string): Promise<void> {
  for (;;) {
    const { rows } = await ask('select phase from halflap.shard');
    if (rows[0].phase === wanted) return;
    if (!(await on.step(verb))) throw new Error(`${verb} ended without being ${wanted}`);
  }
}

/** A python3 that has psycopg: the one in PATH, or the system's, for which Debian packages it. */
async function findPython(): Promise<string | undefined> {
  for (const program of await findPrograms('python3')) {
    const url = 'postgres://nobody@127.0.0.1/none';
    const { exitCode } = await runProgram(url, [program, '-c', 'import psycopg']);
    if (exitCode === 0) return program;
  }
  return undefined;
}

/** `rows`, or the SQLSTATE as the cells of the table have it; else all that was printed. */
function answerOf({ stdout, stderr }: Ended): string {
  const lines = stdout.split('\n').map((line) => line.replaceAll('|', ' ').trim());
  const found = lines.map((line) => line.replace(/ +/g, ' '));
  if (ROWS.every((row) => found.includes(row))) return 'rows';
  return /\b(42703|HL002)\b/.exec(stderr)?.[0] ?? stdout + stderr;
}

/** Cells of the page for a phase: bound to 2.0, not bound. */
function documented(): readonly string[] {
  const row = tableOf(page, 'phase').find(([phases]) => phases?.split(', ').includes(phase));
  return (row ?? []).slice(1).map((cell) => /rows|42703|HL002/.exec(cell)?.[0] ?? cell);
}

/** A shell with the program's block; SQLSTATEs are shown, and no file of the user is read. */
const shell = (text: string, environment: Record<string, string> = {}, input = '') =>
  runProgram(shard.url, ['bash', '-c', text], {
    environment: { PSQLRC: '/dev/null', ...environment },
    input: `\\set VERBOSITY verbose\n${input}`,
  });

describe('the section Other languages of docs/client.md', () => {
  it('names every phase once and shows each program', () => {
    expect(textOf('sh psql')).toHaveLength(2);
    expect(textOf('sql role')).toHaveLength(1);
    expect(textOf('python')).toHaveLength(2);
  });

  it('gives the search_path that the client gives', () => {
    const path = searchPath('inventory', '2.0');
    expect(textOf('python')[0]).toContain(`SEARCH_PATH = '${path}'`);
    for (const block of textOf('sh psql')) {
      expect(block.replaceAll('\\', '')).toContain(`search_path=${path.replace(' ', '')}`);
    }
    expect(textOf('sql role')[0]).toContain(`search_path = ${path}`);
  });
});

describe.each(Object.keys(PHASES))('a shard that is %s', (name) => {
  beforeAll(async () => {
    phase = name;
    await PHASES[name]?.(shard);
  });

  it('answers the release in the field as the table says', async () => {
    const old = 'select name, owner from hosts order by name';
    const seen = await ask(old).then(
      ({ rows }) => (rows.length === ROWS.length ? 'rows' : rows),
      (error: unknown) => (error as pg.DatabaseError).code,
    );
    expect(seen).toBe(documented()[1]);
  });

  it.skipIf(psql === undefined && isLocal)('answers psql, bound in each manner', async () => {
    const [interactive = '', exported = ''] = textOf('sh psql');
    expect(answerOf(await shell(interactive, {}, `${QUERY};\n`))).toBe(documented()[0]);

    // It has no way to ask for SQLSTATEs: the text of the error stands for it.
    const once = await shell(exported);
    const stderr = once.stderr.replace('column "team" does not exist', '42703');
    expect(answerOf({ ...once, stderr })).toBe(documented()[0]);

    const database = `"${new URL(shard.url).pathname.slice(1)}"`;
    await ask((textOf('sql role')[0] ?? '').replace('database inventory', `database ${database}`));
    const asRole = { PGUSER: ROLE, PGPASSWORD: ROLE };
    expect(answerOf(await shell('psql', asRole, `${QUERY};\n`))).toBe(documented()[0]);
  });

  it.skipIf(python === undefined && isLocal)('answers psycopg, or its lease refuses', async () => {
    const ended = await runProgram(shard.url, [python ?? '', '-c', textOf('python').join('\n')]);
    if (documented()[0] === 'rows') {
      expect(ended.stderr).toBe('');
      expect(answerOf(ended)).toBe('rows');
      expect(ended.exitCode).toBe(0);
    } else {
      expect(ended.stderr).toContain('this shard does not serve inventory 2.0');
      expect(ended.exitCode).toBe(1);
    }
    expect((await ask('select from halflap.lease')).rowCount).toBe(0);
  });
});
