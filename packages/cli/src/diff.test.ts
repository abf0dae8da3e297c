// halflap diff as people and scripts meet it: with its answers given, asked on a terminal, and left
// open in a file; what comes of it is led through its whole life by halflap check.

import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../../examples/inventory/releases', import.meta.url));
const FILE = 'releases/2.0/evolution.yaml';

const ANSWERS = {
  'hosts.owner': 'team',
  'hosts.memory_mb': 'memory_bytes',
  'hosts.memory_bytes.up': 'memory_mb::bigint * 1048576',
  'hosts.memory_mb.down': '(memory_bytes / 1048576)::int',
};
const HINT = 'halflap diff 2.0 --answer hosts.owner=team; on a terminal you are asked';
const MEMORY = 'hosts.memory_mb takes memory_bytes, or none';
const answered = (answers: Readonly<Record<string, string>>) =>
  Object.entries(answers).flatMap(([id, word]) => ['--answer', `${id}=${word}`]);

/** Ctrl-C and Ctrl-D: keys of their own. */
const CONTROLS = ['\u0003', '\u0004'];

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace({ 'halflap.yaml': 'app: inventory\nscratch_env: SCRATCH\n' });
  cpSync(EXAMPLE, join(workspace.directory, 'releases'), { recursive: true });
  rmSync(join(workspace.directory, FILE));
});
afterEach(() => workspace.remove());

const halflap = (...args: readonly string[]) =>
  workspace.run(args, { SCRATCH: inject('serverUrl') });
const written = () => readFileSync(join(workspace.directory, FILE), 'utf8');

describe('halflap diff', () => {
  it('proposes what check takes, once its questions are answered, and writes it once', async () => {
    const done = await halflap('diff', '--write', ...answered(ANSWERS));
    expect(done).toEqual({
      code: 0,
      stdout: `${FILE}: written\n`,
      stderr: 'next: halflap check 2.0\n',
    });
    expect(written().replace(/^ *#.*\n/gm, '')).toBe(`from: "1.0"
changes:
  - split_table:
      table: hosts
      into:
        hosts: {}
        host_heartbeats: { when: last_seen is not null }
        host_status: {}

  - rename_column: { table: hosts, column: owner, to: team }

  - convert_column:
      table: hosts
      column: memory_mb
      to: memory_bytes
      up: memory_mb::bigint * 1048576
      down: (memory_bytes / 1048576)::int

  - rename_column: { table: hosts, column: status_reason, to: reason }
`);
    expect(await halflap('check', '2.0')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: it holds\n$/),
    });
    expect(await halflap('diff', '2.0', '--write', ...answered(ANSWERS))).toMatchObject({
      code: 0,
      stdout: `${FILE}: there already, the same\n`,
    });
    const other = answered({ ...ANSWERS, 'hosts.memory_bytes.up': 'memory_mb::bigint' });
    expect(await halflap('diff', '--write', ...other)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error FILE_EXISTS: releases\/2.0\/evolution.yaml is there/),
    });
  });

  it('proposes a split and a merge that hold to the end', async () => {
    workspace.write(
      'releases/1.0/schema.sql',
      `create table users (id bigint generated always as identity primary key, name text not null,
         email text, last_login timestamptz);
       create table jobs (id int primary key, title text);
       create table job_states (job_id int primary key references jobs on delete cascade,
         state text not null);`,
    );
    workspace.write(
      'releases/2.0/schema.sql',
      `create table people (id bigint generated always as identity primary key,
         name text not null);
       create table logins (id bigint generated always as identity primary key,
         person_id bigint not null unique references people (id) on delete cascade,
         email text, last_login timestamptz);
       create table jobs (id int primary key, title text, state text not null);`,
    );
    const answers = answered({ 'job_states.state.otherwise': "'new'" });
    const done = await halflap('diff', '--write', ...answers);
    expect(done).toMatchObject({ code: 0, stdout: `${FILE}: written\n` });
    expect(written()).toMatch(/ {6}logins: \{ generate: \[ id \] \}\n/);
    expect(await halflap('check', '2.0')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: it holds\n$/),
    });
  });

  it('leaves questions open in a file that parses, and holds with the right lines', async () => {
    const open = await halflap('diff', '2.0');
    expect(open.code).toBe(3);
    expect(open.stderr).toBe(`error ANSWERS_NEEDED: 2 questions are open before 2.0 can be checked
  Which column holds the values of hosts.owner from now on? (hosts.owner takes team, or none)
  Which column holds the values of hosts.memory_mb from now on? (${MEMORY})
hint: choose in the file, or answer: ${HINT}
`);
    expect(existsSync(join(workspace.directory, FILE))).toBe(false);
    for (const line of open.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    workspace.write(FILE, open.stdout);
    expect(await halflap('check', '2.0')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('EVOLUTION_INCOMPLETE'),
    });
    const chosen = open.stdout
      .replace(/^ {2}# (- .*| {4,}.*)$/gm, '  $1')
      .replace('memory_mb::bigint', '$& * 1048576')
      .replace('memory_bytes::integer', '(memory_bytes / 1048576)::int');
    workspace.write(FILE, chosen);
    expect(await halflap('check', '2.0')).toMatchObject({ code: 0, stderr: '' });
  });

  it('says with --json what it proposes, what it asks, and that answers are needed', async () => {
    const { stdout, stderr, code } = await halflap('diff', '--json');
    expect({ stderr, code }).toEqual({ stderr: '', code: 3 });
    const [proposal, error] = jsonLines(stdout);
    expect(proposal).toMatchObject({
      app: 'inventory',
      from: '1.0',
      to: '2.0',
      isWritten: false,
      questions: [
        { id: 'hosts.owner', kind: 'choose', choices: [{ word: 'team' }] },
        { id: 'hosts.memory_mb', choices: [{ word: 'memory_bytes' }] },
      ],
      refusal: null,
    });
    expect(error).toMatchObject({ error: { code: 'ANSWERS_NEEDED', exitCode: 3 } });
  });

  it.each([
    ['hosts.owner', /hosts.owner is no answer/],
    ['hosts.owner=teem', /teem does not answer hosts.owner\nhint: hosts.owner takes team, or none/],
    ['hosts.ovner=team', /no question hosts.ovner; did you mean "hosts.owner"/],
    ['hosts.owner=none', /0/],
  ])('answers %s', async (answer, problem) => {
    const { code, stderr } = await halflap('diff', '--answer', answer);
    expect(code).toBe(answer.endsWith('none') ? 3 : 2);
    expect(stderr).toMatch(problem);
  });

  it('refuses an answer that is no expression', async () => {
    const answers = answered({ ...ANSWERS, 'hosts.memory_bytes.up': 'memory_mb *' });
    expect(await halflap('diff', ...answers)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/memory_mb \* does not answer hosts.memory_bytes.up: syntax/),
    });
  });

  it('says what check will refuse', async () => {
    const answers = answered({ ...ANSWERS, 'hosts.memory_bytes.up': 'memory_kb * 1024' });
    expect(await halflap('diff', ...answers)).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: check will refuse it: .*"memory_kb" is not/),
    });
  });

  it('says what is lost, what cannot be stated, and that a first release is one', async () => {
    workspace.write('releases/3.0/schema.sql', 'create table tags (id int primary key, a text[]);');
    workspace.write(
      'releases/4.0/schema.sql',
      `create table tags (id int primary key);
       create table tag_list (tag_id int references tags, a text);`,
    );
    const { code, stdout, stderr } = await halflap('diff');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^changes: \[\]\n\n# May be meant[^\n]*:\n# - .*unnest_column/m);
    expect(stdout).toContain('# - column tags.a goes at contract, with its values\n');
    expect(stderr).toMatch(/note: .*: if so, state unnest_column\n/);
    expect(await halflap('diff', '1.0')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('1.0 is the first release'),
    });
  });
});

describe('halflap diff on a terminal', () => {
  it('asks one question after another, and writes what it was told', async () => {
    const terminal = open('diff', '2.0', '--write');
    await terminal.answer('1, n, or Enter to leave it open: ', '3');
    await terminal.answer('3 does not answer hosts.owner', '1');
    await terminal.answer('integer → bigint', '1');
    await terminal.answer('Enter for memory_mb::bigint', 'memory_mb::bigint *');
    await terminal.answer('syntax error', 'memory_mb::bigint * 1048576');
    await terminal.answer('Enter for memory_bytes::integer', '(memory_bytes / 1048576)::int');
    expect(await terminal.ended).toBe(0);
    const told = written();
    rmSync(join(workspace.directory, FILE));
    await halflap('diff', '--write', ...answered(ANSWERS));
    expect(told).toBe(written());
  });

  it('leaves open what is not answered', async () => {
    const terminal = open('diff', '2.0');
    await terminal.answer('1, n, or Enter to leave it open: ', '');
    await terminal.answer('integer → bigint', '\u0004');
    expect(await terminal.ended).toBe(3);
  });

  it('writes nothing when it is stopped', async () => {
    const terminal = open('diff', '2.0', '--write');
    await terminal.answer('1, n, or Enter to leave it open: ', '\u0003');
    expect(await terminal.ended).toBe(3);
    expect(existsSync(join(workspace.directory, FILE))).toBe(false);
  });
});

/** The command line under a pseudo terminal, which `script` (util-linux) gives. */
function open(...args: readonly string[]) {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
    cwd: workspace.directory,
    env: { PATH: process.env.PATH, TERM: 'xterm', SCRATCH: inject('serverUrl') },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let unread = '';
  const look = new Set<() => void>();
  child.stdout.on('data', (chunk) => {
    unread += chunk;
    for (const one of look) one();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  /** When the text is shown, types the word. */
  const answer = (text: string, word: string) =>
    new Promise<void>((resolve, reject) => {
      const type = () => {
        const place = unread.indexOf(text);
        if (place === -1) return;
        look.delete(type);
        unread = unread.slice(place + text.length);
        child.stdin.write(CONTROLS.includes(word) ? word : `${word}\r`);
        resolve();
      };
      look.add(type);
      type();
      void ended.then(() => reject(new Error(`never asked ${text}: ${unread}`)));
    });
  return { answer, ended };
}
