// What people see on a terminal of so many columns: the real command line under a pseudo terminal,
// which `script` (util-linux) gives.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createWorkspace, type Workspace } from '../test/run-cli.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SHARD = 'customer-emea-production-frankfurt-eu1-primary';

let workspace: Workspace;
let database: FreshDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  workspace = createWorkspace({
    'releases/1.0/schema.sql': 'create table items (id int primary key, name text not null);',
    'releases/2.0/schema.sql': 'create table items (id int primary key, length int not null);',
    'releases/2.0/evolution.yaml': `
from: "1.0"
changes:
  - convert_column: {table: items, column: name, to: length, up: length(name), down: "'x'"}
`,
    'halflap.yaml': `app: shop
scratch: ${JSON.stringify(inject('serverUrl'))}
shards:
  - {name: ${SHARD}, url: ${JSON.stringify(database.url)}}
  - {name: dead, url: "postgres://somebody_with_a_long_name@127.0.0.1:1/d"}
`,
  });
  const bundle = join(workspace.directory, 'bundle.json');
  expect(await workspace.run(['build', '2.0', '--out', bundle])).toMatchObject({ code: 0 });
  const client = new pg.Client(database.url);
  await client.connect();
  await client.query('create table items (id int primary key, name text not null)');
  await client.query("insert into items select n, 'item' from generate_series(1, 30000) n");
  await client.query('analyze items').finally(() => client.end());
});

afterAll(async () => {
  workspace.remove();
  await database.drop();
});

describe('on a terminal', () => {
  it.each([
    [60, 'prepare'],
    [60, 'expand'],
  ])('of %i columns, %s never writes a line that is longer', async (columns, verb) => {
    const { lines, code } = await onTerminal(columns, verb, '--all', '--bundle', 'bundle.json');
    expect(code).toBe(4);
    const redrawn = lines.filter((line) => / \d+% [\d ]+ of about /.test(line));
    for (const line of redrawn) expect([...line].length).toBeLessThanOrEqual(columns);
    if (verb === 'expand') expect(redrawn.length).toBeGreaterThan(3);
    for (const line of redrawn) expect(line).toMatch(/^customer-emea-produ… /);
    expect(lines).toContainEqual(expect.stringMatching(`^${SHARD}: ${verb} done in `));
  });

  it.each([80, 120])('of %i columns, status fits and is whole', async (columns) => {
    const { lines, code } = await onTerminal(columns, 'status');
    expect(code).toBe(4);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
    const text = lines.map((line) => line.replace(/ .*/, '')).join('');
    expect(text).toContain(SHARD);
    expect(lines.at(-1)).toBe('2 shards: 1 dual, 1 unreachable');
  });
});

/** The lines as they are drawn, those that are redrawn in place each time. */
async function onTerminal(columns: number, ...args: readonly string[]) {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn(
    'script',
    ['-q', '-e', '-c', `stty cols ${columns} rows 24; exec ${command}`, '/dev/null'],
    {
      cwd: workspace.directory,
      env: { PATH: process.env.PATH, TERM: 'xterm' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const lines = output
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with escape.
    .replace(/\u001b\[\d+m/g, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all else moves the cursor.
    .split(/(?:\u001b\[[?\d;]*[A-Za-z]|[\r\n])+/)
    .filter((line) => line !== '');
  return { lines, code };
}
