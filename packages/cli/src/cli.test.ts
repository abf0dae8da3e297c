// The command line as scripts meet it: exit codes, streams, and no secret anywhere. The programs
// run as built.

import { type FreshDatabase, freshDatabase } from '@halflap/engine/testing';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';
import { createProgram } from './program.js';

const PASSWORD = 'pass"wörd/&1';

let empty: Workspace;
beforeAll(() => {
  empty = createWorkspace();
});
afterAll(() => empty.remove());

describe('halflap', () => {
  it.each([
    [[], 2],
    [['--help'], 0],
    [['--version'], 0],
    [['expand', '--help'], 0],
    [['expnd'], 2],
    [['status', '--nonsense'], 2],
    [['status', 'extra'], 2],
    [['build'], 2],
    [['wait', '--all'], 2],
    [['wait', '--all', '--for', 'blue'], 2],
    [['wait', '--all', '--for', 'dual', '--timeout', 'soon'], 2],
    [['pace', '--all', '--batch-rows', '0'], 2],
    [['status', '--config', 'nowhere.yaml'], 2],
  ])('ends %j with exit code %i', async (args, code) => {
    const ended = await empty.start(args).ended;
    expect(ended.code).toBe(code);
    expect(ended.stderr === '').toBe(code === 0);
  });

  it('says what is wrong with a command line in one form, and suggests', async () => {
    const { stderr, stdout } = await empty.run(['expnd']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error COMMAND_INVALID: unknown command 'expnd' .*expand/);
    expect(stderr).toContain('\nhint: halflap --help\n');
  });

  it('prints errors as JSON on stdout with --json, wherever the option stands', async () => {
    for (const args of [
      ['--json', 'status', '--config', 'nowhere.yaml'],
      ['status', '--config', 'nowhere.yaml', '--json'],
    ]) {
      const { stdout, stderr, code } = await empty.run(args);
      expect(stderr).toBe('');
      expect(jsonLines(stdout)).toEqual([
        {
          error: {
            code: 'CONFIG_INVALID',
            message: expect.stringContaining('nowhere.yaml (ENOENT)'),
            hint: expect.any(String),
            detail: { file: expect.stringContaining('nowhere.yaml') },
            exitCode: code,
          },
        },
      ]);
    }
  });

  it('gives examples in the help of every command', async () => {
    const namesOf = ({ commands }: Command): string[][] =>
      commands.flatMap((one) =>
        one.commands.length === 0
          ? [[one.name()]]
          : namesOf(one).map((names) => [one.name(), ...names]),
      );
    const all = namesOf(createProgram('0.0.0'));
    expect(all.length).toBeGreaterThan(40);
    for (const names of all) {
      const help = await empty.run([...names, '--help']);
      const example = `Examples:\n  halflap (?:--config \\S+ )?${names.join(' ')}`;
      expect(help.stdout).toMatch(new RegExp(example));
    }
  });

  it('ends quietly when nobody reads on', async () => {
    const running = empty.start(['--help']);
    running.closeOutput();
    expect(await running.ended).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('refuses a shard that is not listed, and no shard at all', async () => {
    empty.write('halflap.yaml', 'app: a\nshards: [{name: eu1, url_env: U}]\n');
    const unknown = await empty.run(['expand', '--shard', 'eu2']);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringMatching(/did you mean "eu1"/) });
    const none = await empty.run(['expand']);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('no shard is named') });
    const both = await empty.run(['expand', '--shard', 'eu1', '--all']);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('exclude each other') });
  });
});

describe('secrets', () => {
  let server: FreshDatabase;
  let workspace: Workspace;
  beforeAll(async () => {
    server = await freshDatabase();
    const place = new URL(server.url);
    place.username = 'nobody_known';
    place.password = '';
    const url = JSON.stringify(place.href);
    workspace = createWorkspace({
      'halflap.yaml': `app: a
shards:
  - {name: by-file, url: ${url}, password_file: password}
  - {name: by-env, url: ${url}, password_env: DATABASE_PASSWORD}
  - {name: by-url, url_env: DATABASE_URL}
  - {name: dead, url: "postgres://u:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/d"}
  - {name: broken, url: "postgres://u:${encodeURIComponent(PASSWORD)}@[/d"}
`,
      password: `${PASSWORD}\n`,
    });
  });
  afterAll(async () => {
    workspace.remove();
    await server.drop();
  });

  it.each([
    ['by-file', 4],
    ['by-env', 4],
    ['by-url', 4],
    ['dead', 4],
  ])('are never printed when shard %s refuses them', async (shard, code) => {
    const url = new URL(server.url);
    url.password = PASSWORD;
    const env = { DATABASE_PASSWORD: PASSWORD, DATABASE_URL: url.href };
    const wait = ['wait', '--for', 'dual', '--timeout', '1s'];
    const runs = [['status'], ['pause', '--json'], ['quarantine'], [...wait, '--json']];
    await Promise.all(
      runs.map(async (words) => {
        const ended = await workspace.run([...words, '--shard', shard], env);
        expect(ended.code).toBe(words[0] === 'wait' ? 5 : code);
        expectNoSecret(ended.stdout + ended.stderr);
      }),
    );
  });

  it('are never printed when the URL cannot be understood', async () => {
    for (const verb of ['status', 'pause']) {
      const ended = await workspace.run([verb, '--shard', 'broken']);
      expect(ended.code).not.toBe(0);
      expect(ended.stdout + ended.stderr).not.toContain('127.0.0.1');
      expectNoSecret(ended.stdout + ended.stderr);
    }
  });

  it('are missed by name', async () => {
    const why = 'environment variable DATABASE_PASSWORD is not set';
    const paused = await workspace.run(['pause', '--shard', 'by-env']);
    expect(paused).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
  });

  it('hide the shard that lacks them, and no other', async () => {
    const ended = await workspace.run(['status', '--shard', 'by-env', '--shard', 'dead', '--json']);
    expect(ended.code).toBe(4);
    expect(JSON.parse(ended.stdout).shards).toMatchObject([
      { shard: 'by-env', reachable: false, error: expect.stringContaining('DATABASE_PASSWORD is') },
      { shard: 'dead', reachable: false, error: expect.stringContaining('cannot connect') },
    ]);
  });

  function expectNoSecret(text: string): void {
    for (const form of [
      PASSWORD,
      encodeURIComponent(PASSWORD),
      JSON.stringify(PASSWORD).slice(1, -1),
    ]) {
      expect(text).not.toContain(form);
    }
  }
});
