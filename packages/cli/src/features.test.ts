// The commands about what servers of two releases agree upon, with a server of the real client.

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Fleet, open } from '@halflap/client';
import { EXIT } from '@halflap/protocol';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Database, shardIn } from '../../client/test/fixture.js';
import { createWorkspace, jsonLines, type Workspace } from '../test/run-cli.js';

const SERVERS = `
features:
  quotas: { about: quotas per team, reversible: true }
  no_way: { about: rows that nobody else reads }
behaviours:
  loud: { about: the status in upper case, changed: "1.0", expires: 2020-01-31 }
messages:
  host_changed: { id: integer }
`;

let database: Database;
let workspace: Workspace;
let fleet: Fleet;

beforeAll(async () => {
  database = await shardIn('settled');
  workspace = createWorkspace({
    'releases/1.0/schema.sql': 'create table hosts (id bigint primary key);',
    'releases/1.0/servers.yaml': SERVERS,
    'halflap.yaml': `app: app
scratch: ${JSON.stringify(inject('serverUrl'))}
shards:
  - {name: a, url: ${JSON.stringify(database.url)}}
`,
  });
});
afterAll(async () => {
  await fleet?.close();
  workspace.remove();
  await database.drop();
});

/** The heartbeats that an operator would wait for come at once. */
async function heard<Result>(running: Promise<Result>): Promise<Result> {
  const ended = new AbortController();
  const beats = (async () => {
    while (!ended.signal.aborted) {
      await fleet.check();
      await setImmediate();
    }
  })();
  return running.finally(() => {
    ended.abort();
    return beats;
  });
}

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await workspace.run([...args, '--json']);
  return { code, stderr, value: jsonLines(stdout).at(-1) };
};

it('build what servers are given, move a feature, and list what there is', async () => {
  expect(await json('build', '1.0')).toMatchObject({
    code: EXIT.done,
    value: { app: 'app', to: '1.0', servers: { hash: expect.stringMatching(/^\w{64}$/) } },
  });
  const shards = [{ name: 'a', url: database.url }];
  const servers = join(workspace.directory, 'app-1.0.servers.json');
  fleet = await open({
    app: 'app',
    release: '1.0',
    server: 'w1',
    shards,
    servers,
  });

  const shown = await workspace.run(['features', 'list', '--all']);
  expect(shown.stdout).toMatch(/quotas +1\.0 +supported +1 +disable +quotas per team/);
  const refused = await json('features', 'enable', 'no_way', '--all');
  expect(refused).toMatchObject({
    code: EXIT.refused,
    value: { error: { code: 'FEATURE_REFUSED', hint: expect.stringMatching(/accept-no-way/) } },
  });
  expect(await json('features', 'enable', 'quota', '--all')).toMatchObject({
    value: { error: { message: expect.stringMatching(/did you mean "quotas"/) } },
  });
  // Killed when it is allowed and not enabled yet; the same command goes on from there.
  const killed = workspace.start(['features', 'enable', 'quotas', '--all']);
  await killed.shows('wait until the servers of shard a have heard of it');
  killed.signal('SIGKILL');
  await killed.ended;
  expect((await workspace.run(['features', 'list', '--all'])).stdout).toMatch(
    /quotas +1\.0 +underway +a allowed/,
  );
  const enabled = await heard(workspace.run(['features', 'enable', 'quotas', '--all']));
  expect(enabled).toMatchObject({ code: EXIT.done, stdout: 'quotas: enabled on a\n' });
  expect(await json('features', 'list', '--all')).toMatchObject({
    value: { features: [{ feature: 'no_way' }, { feature: 'quotas', state: 'enabled' }] },
  });
  expect(await heard(json('features', 'disable', 'quotas', '--all'))).toEqual({
    code: EXIT.done,
    stderr: '',
    value: { event: 'outcome', feature: 'quotas', state: 'off', changed: true },
  });

  const consumer = { shard: 'a', consumer: 'agents' };
  await fleet.messages.receive('noise', consumer, async () => {});
  const listed = await workspace.run(['messages', 'list', '--all']);
  expect(listed.stdout).toMatch(/a +1 +agents +\? +\? +w1 +1 +it is not JSON/);
  expect(await json('messages', 'give-back', '--all')).toMatchObject({
    value: { event: 'outcome', shard: 'a', givenBack: ['1'] },
  });
  expect(await json('messages', 'discard', '--shard', 'a', '--id', '1')).toMatchObject({
    value: { event: 'outcome', shard: 'a', discarded: ['1'] },
  });
  expect(await json('messages', 'discard', '--shard', 'a', '--id', 'x')).toMatchObject({
    code: EXIT.usage,
  });

  const behaviours = await workspace.run(['behaviours', 'list', '--all']);
  expect(behaviours.stdout).toMatch(/loud +1\.0 +0 +0 +never +2020-01-31/);
  expect(behaviours.stderr).toBe('warning: loud expired 2020-01-31; never used\n');
});
