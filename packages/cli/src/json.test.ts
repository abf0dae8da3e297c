// What programs read: --json of every command, in the shape that docs/cli.md documents, with
// nothing else on either stream, and the exit code of each class of ends.

import { execFile } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import { EXIT } from '@halflap/protocol';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';
import { createProgram } from './program.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const DOCS = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');

const RELEASES = {
  'releases/1.0/schema.sql': 'create table items (id int primary key, name text not null);',
  'releases/2.0/schema.sql': 'create table items (id int primary key, length int not null);',
  'releases/2.0/evolution.yaml': `
from: "1.0"
changes:
  - convert_column:
      {table: items, column: name, to: length, up: length(name), down: "repeat('x', length)"}
`,
};

let vendor: Workspace;
let operator: Workspace;
let eu1: FreshDatabase;
let us1: FreshDatabase;

beforeAll(async () => {
  vendor = createWorkspace({
    ...RELEASES,
    'halflap.yaml': `app: shop\nscratch: ${JSON.stringify(inject('serverUrl'))}\n`,
  });
  [eu1, us1] = await Promise.all([freshDatabase(), freshDatabase()]);
  operator = createWorkspace({
    ...RELEASES,
    'halflap.yaml': `app: shop
bundle: shop-2.0.bundle.json
scratch: ${JSON.stringify(inject('serverUrl'))}
shards:
  - {name: eu1, url: ${JSON.stringify(eu1.url)}}
  - {name: us1, url: ${JSON.stringify(us1.url)}}
  - {name: dead, url: "postgres://u@127.0.0.1:1/d"}
`,
  });
});

afterAll(async () => {
  vendor.remove();
  operator.remove();
  await Promise.all([eu1.drop(), us1.drop()]);
});

/** Commands that have been run, to find one that was forgotten. */
const seen = new Set<string>();

/** The values that a command prints, which must be all that it prints. */
async function valuesOf(workspace: Workspace, ...args: readonly string[]) {
  const ended = await workspace.run([...args, '--json']);
  expect(ended, ended.stdout).toMatchObject({ code: EXIT.done, stderr: '' });
  seen.add(args[0] ?? '');
  return jsonLines(ended.stdout);
}

describe('--json', () => {
  it('of the developer has what is documented, as one value', async () => {
    const init = ['init', '--from', 'releases/1.0/schema.sql'];
    const answers = ['items.length.up=length(name)', "items.name.down='x'"];
    const diff = ['diff', '2.0', ...answers.flatMap((one) => ['--answer', one])];
    for (const args of [init, diff, ['check'], ['plan', '2.0'], ['build', '2.0']]) {
      const values = await valuesOf(vendor, ...args);
      expect(values).toHaveLength(1);
      expect(Object.keys(values[0] ?? {})).toEqual(expect.arrayContaining(keysOf(args[0] ?? '')));
    }
    const bundle = 'shop-2.0.bundle.json';
    cpSync(join(vendor.directory, bundle), join(operator.directory, bundle));
  });

  it('of every command that is about shards has what is documented, and no more', async () => {
    await query(eu1.url, RELEASES['releases/1.0/schema.sql']);
    await query(
      eu1.url,
      "insert into items select n, 'item ' || n from generate_series(1, 3000) n",
    );
    await outcomeOf('adopt', '1.0', '--shard', 'eu1');
    await outcomeOf('install', '1.0', '--shard', 'us1');
    await outcomeOf('prepare', '--shard', 'eu1', '--shard', 'us1');
    await outcomeOf('abort', '--shard', 'us1');
    await outcomeOf('pace', '--shard', 'eu1', '--batch-rows', '500');
    for (const verb of ['pause', 'resume', 'expand', 'verify']) {
      await outcomeOf(verb, '--shard', 'eu1');
    }
    await outcomeOf('wait', '--shard', 'eu1', '--for', 'dual');
    await query(
      eu1.url,
      `insert into halflap.quarantine (evolution, relation, key, sqlstate, reason)
       values ('1.0..2.0', 'items', '{"id": 7.25}', '23514', 'a test')`,
    );
    const [listed] = await valuesOf(operator, 'quarantine', '--shard', 'eu1', '--shard', 'us1');
    const rows = listOf(listed, 'rows');
    expect(rows.map((row) => Object.keys(row).sort())).toEqual([keysIn('rows` of')]);
    expect(rows[0]).toMatchObject({ shard: 'eu1', key: { id: 7.25 } });
    await query(eu1.url, 'delete from halflap.quarantine');
    await outcomeOf('contract', '--shard', 'eu1');
    await outcomeOf('upgrade', '--shard', 'eu1', '--to', '2.0');
  });

  it('of status has what is documented for shards, steps and servers', async () => {
    await query(
      us1.url,
      "select halflap.renew_lease(gen_random_uuid(), 'web-9', '1.0', 'native', 600)",
    );
    await query(
      us1.url,
      `insert into halflap.journal (attempt, verb, evolution, bundle_hash, step, runner)
       select attempt, 'prepare', '1.0..2.0', 'hash', 'prepare/lens', 'a test' from halflap.shard`,
    );
    const [fleet] = await valuesOf(operator, 'status', '--shard', 'eu1', '--shard', 'us1');
    const shards = listOf(fleet, 'shards');
    expect(shards.map((shard) => Object.keys(shard).sort())).toEqual([
      keysIn('shards` of'),
      keysIn('shards` of'),
    ]);
    expect(Object.keys(shards[1]?.running ?? {}).sort()).toEqual(keysIn('running` of'));
    expect(listOf(shards[1], 'servers').map((server) => Object.keys(server).sort())).toEqual([
      keysIn('servers` of'),
    ]);
  });

  it('of doctor and support has what is documented, for another application too', async () => {
    const home = { XDG_CONFIG_HOME: operator.directory };
    const ended = await operator.run(['doctor', '--json'], home);
    expect(ended, ended.stdout).toMatchObject({ code: EXIT.unreachable, stderr: '' });
    seen.add('doctor');
    const checks = listOf(jsonLines(ended.stdout)[0], 'checks');
    for (const check of checks) expect(Object.keys(check).sort()).toEqual(keysIn('checks` of'));
    const of = (check: string, shard: string) =>
      checks.find((one) => one.check === check && one.of === `shard ${shard}`);
    expect(of('connection', 'dead')).toMatchObject({ state: 'failed' });
    expect(of('catalogue', 'eu1')).toMatchObject({ state: 'ok', found: 'that of shop 2.0' });
    expect(of('release', 'us1')).toMatchObject({ state: 'warning' });
    const written = await operator.run(['support', 'case.tar.gz', '--json'], home);
    expect(written, written.stdout).toMatchObject({ code: EXIT.done, stderr: '' });
    seen.add('support');
    expect(Object.keys(jsonLines(written.stdout)[0] ?? {}).sort()).toEqual(
      keysOf('support').sort(),
    );
  });

  it('has been looked at for every command that asks no server', () => {
    const others = ['login', 'logout', 'whoami', 'serve', 'agent'];
    const names = createProgram('0.0.0')
      .commands.filter((command) => command.commands.length === 0)
      .map((command) => command.name())
      .filter((name) => !others.includes(name));
    expect([...seen].sort()).toEqual(names.sort());
  });
});

describe('an error with --json', () => {
  it.each([
    ['COMMAND_INVALID', EXIT.usage, ['expand']],
    ['COMMAND_INVALID', EXIT.usage, ['wait', '--all', '--for', 'blue']],
    ['CONFIG_UNKNOWN_SHARD', EXIT.usage, ['expand', '--shard', 'eu2']],
    ['BUNDLE_INVALID', EXIT.usage, ['prepare', '--shard', 'us1', '--bundle', 'halflap.yaml']],
    ['PHASE_REFUSED', EXIT.refused, ['abort', '--shard', 'eu1']],
    ['EVOLUTION_MISMATCH', EXIT.refused, ['install', '2.0', '--shard', 'us1']],
    ['SHARD_UNREACHABLE', EXIT.unreachable, ['pause', '--shard', 'dead']],
    ['SHARD_UNREACHABLE', EXIT.unreachable, ['prepare', '--shard', 'dead']],
    ['WAIT_TIMED_OUT', EXIT.timedOut, ['wait', '--shard', 'dead', '--for', 'dual', '--timeout=1s']],
  ] as const)('%s ends with %i, as the last line', async (code, exitCode, args) => {
    const ended = await operator.run([...args, '--json']);
    expect(ended).toMatchObject({ code: exitCode, stderr: '' });
    const values = jsonLines(ended.stdout);
    expect(values.at(-1)).toEqual({
      error: {
        code,
        message: expect.any(String),
        hint: expect.stringMatching(/.{10}/),
        detail: expect.any(Object),
        exitCode,
      },
    });
    for (const value of values.slice(0, -1)) expect(value).toMatchObject({ event: 'log' });
  });

  it('comes after the outcomes of the shards that went before', async () => {
    const ended = await operator.run(['pause', '--all', '--json']);
    expect(ended).toMatchObject({ code: EXIT.unreachable, stderr: '' });
    expect(jsonLines(ended.stdout)).toMatchObject([
      { event: 'outcome', shard: 'eu1', paused: true },
      { event: 'outcome', shard: 'us1', paused: true },
      { error: { code: 'SHARD_UNREACHABLE', detail: { shard: 'dead' } } },
    ]);
  });
});

describe('results that cannot be kept', () => {
  const shell = (text: string) =>
    promisify(execFile)('sh', ['-c', text.replace('halflap', `'${process.execPath}' '${MAIN}'`)], {
      cwd: operator.directory,
    });

  it('are missed with an exit code and a reason, and without a crash', async () => {
    const lost = shell('halflap status --shard eu1 > /dev/full');
    await expect(lost).rejects.toMatchObject({
      code: EXIT.internal,
      stderr: expect.stringMatching(/^cannot write results: ENOSPC.*\n$/),
    });
  });

  it('are not missed when the reader has seen enough', async () => {
    const seen = await shell('halflap resume --shard eu1 --shard us1 | head -1');
    expect(seen.stdout).toMatch(/^eu1: resumed\n/);
    const [fleet] = await valuesOf(operator, 'status', '--shard', 'eu1', '--shard', 'us1');
    expect(listOf(fleet, 'shards')).toMatchObject([{ paused: false }, { paused: false }]);
  });
});

/** Runs a command that ends with one outcome for each shard, and looks at every line of it. */
async function outcomeOf(...args: readonly string[]): Promise<void> {
  const values = await valuesOf(operator, ...args);
  const shards = args.filter((word) => word === '--shard').length;
  const outcomes = values.filter((value) => value.event === 'outcome');
  expect(outcomes).toHaveLength(shards);
  expect(values.at(-1)).toBe(outcomes.at(-1));
  for (const outcome of outcomes) {
    expect(Object.keys(outcome).sort(), args[0]).toEqual(keysOf(args[0] ?? '').sort());
    if ('steps' in outcome) expectSteps(outcome);
  }
  const progress = values.filter((value) => value.event === 'progress');
  for (const value of progress) {
    expect(Object.keys(value)).toEqual(keysOfLine('progress'));
    expectRounded(value.secondsLeft);
  }
  if (args[0] === 'expand') expect(progress.length).toBeGreaterThan(1);
  const logs = values.filter((value) => value.event === 'log');
  for (const value of logs) expect(Object.keys(value)).toEqual(keysOfLine('log'));
}

function expectSteps(outcome: Record<string, unknown>): void {
  expectRounded(outcome.seconds);
  for (const step of listOf(outcome, 'steps')) {
    expect(Object.keys(step).sort()).toEqual(keysIn('steps` of'));
    expectRounded(step.seconds);
  }
}

/** No digit below a millisecond. */
function expectRounded(seconds: unknown): void {
  if (seconds !== null) expect(String(seconds)).toMatch(/^\d+(\.\d{1,3})?$/);
}

function listOf(value: Record<string, unknown> | undefined, key: string) {
  return value?.[key] as Record<string, unknown>[];
}

/** The keys in the last cell of the row that is about the command. */
function keysOf(command: string): string[] {
  const rows = DOCS.split('\n').filter((line) => /\| (?:all|each shard) \|/.test(line));
  const cells = rows.find((row) => codesIn(row.split('|')[1] ?? '').includes(command))?.split('|');
  expect(cells, command).toBeDefined();
  return codesIn(cells?.at(-2) ?? '');
}

function keysIn(beginning: string): string[] {
  const row = DOCS.split('\n').find((line) => line.startsWith(`| \`${beginning}`));
  expect(row, beginning).toBeDefined();
  return codesIn(row?.split('|').at(-2) ?? '').sort();
}

/** The keys of `{"event":"progress","shard":…}` as it stands in the table of lines. */
function keysOfLine(event: string): string[] {
  const row = DOCS.split('\n').find((line) => line.startsWith(`| \`{"event":"${event}"`));
  return [...(row?.split('|')[1] ?? '').matchAll(/"(\w+)":/g)].map((match) => match[1] ?? '');
}

function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(text).finally(() => client.end());
}
