// A campaign from the command line, for the test of all commands: one shard, and two servers whose
// agents never come, so that their steps fail and people have to choose; and a row that cannot be
// carried.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { installRelease } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import type { Campaign } from '@halflap/server';
import { expect } from 'vitest';
import { type Ended, jsonLines, type Workspace } from '../../packages/cli/test/run-cli.js';
import { withClient } from '../evolving/databases.js';
import { APP, compilePair } from '../evolving/releases.js';
import type { TestApi } from './api.js';
import { seeItBlocked, startContract } from './campaign-waits.js';

export interface Asking {
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string>>;
  halflap(...args: readonly string[]): Promise<Ended>;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  printed(...args: readonly string[]): Promise<any>;
}

const OLD = 'create table items (id int primary key, name text, code text);';
const NEW = 'create table items (id int primary key, title text, code text unique);';
const CHANGES = 'changes:\n  - rename_column: { table: items, column: name, to: title }\n';

/** @param host a hostname that one active host has */
export async function commandCampaign(asking: Asking, host: string, api: TestApi): Promise<void> {
  const [{ from, bundle }, database] = await Promise.all([
    compilePair(OLD, NEW, CHANGES),
    freshDatabase(),
  ]);
  try {
    await installRelease({ url: database.url, app: APP, shard: 'eu1', release: from });
    asking.workspace.write('shop.bundle.json', JSON.stringify(bundle));
    asking.workspace.write('shop.yaml', declarationOf(host, database.url));
    asking.workspace.write('again.yaml', declarationOf(host, null));
    asking.workspace.write('policy.yaml', 'deadlineSeconds: 1\nmaxUnavailable: 5\n');
    await Promise.all([declare(asking), lookAtLost(asking)]);
    await upgrade(asking, () => lookAtShard(asking, database.url, api));
    await asking.printed('clusters', 'remove', 'shop', '--yes');
  } finally {
    await database.drop();
  }
}

function declarationOf(host: string, url: string | null): string {
  const address = url === null ? '' : `, url: "${url}"`;
  return `name: shop
app: ${APP}
servers:
  named: [{ name: ghost1, host: ${host} }, { name: ghost2, host: ${host} }]
commands:
  upgrade: { run: [/bin/true, "{release}"] }
shards:
  - { name: eu1${address} }
signals:
  - { name: latency, unit: ms, url: "http://127.0.0.1:1/", pointer: /p95, stopAbove: 500 }
`;
}

async function declare({ workspace, env, halflap, printed }: Asking): Promise<void> {
  const missing = await halflap('clusters', 'add', 'again.yaml');
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringMatching(/shards\.0\.url/) });
  await printed('clusters', 'add', 'shop.yaml');
  await printed('clusters', 'change', 'shop', 'again.yaml');
  const shown = await halflap('clusters', 'show', 'shop');
  expect(shown.stdout).toMatch(/revision 2/);
  expect(shown.stdout).not.toMatch(/postgres/);
  await printed('clusters', 'bundles', 'add', 'shop.bundle.json');
  const { bundles } = await printed('clusters', 'bundles', 'list', '--app', APP);
  expect(bundles).toMatchObject([{ from: '1.0', to: '2.0' }]);
  const { bundle } = await printed('clusters', 'bundles', 'steps', bundles[0].hash.slice(0, 8));
  expect(bundle).toMatchObject({ measured: false, verbs: [{ verb: 'prepare' }, {}, {}, {}, {}] });
  const steps = ['clusters', 'bundles', 'steps', bundles[0].hash, '--verb', 'expand', '--sql'];
  expect((await halflap(...steps)).stdout).toMatch(/\nEXPAND .*\n.*(?:.|\n)*backfill(?:.|\n)* - /);
  const { drift } = await printed('clusters', 'shards', 'drift', 'shop', 'eu1');
  expect(drift).toEqual({ state: 'same', release: '1.0', why: null, differences: [] });
  const matrix = await halflap('clusters', 'matrix', 'shop');
  expect(matrix).toMatchObject({ code: 3, stdout: expect.stringMatching(/\nghost1 +unknown +w/) });
  const watching = workspace.start(['clusters', 'matrix', 'shop', '--watch'], env);
  await watching.shows('settled at 1.0');
  watching.signal('SIGINT');
  await watching.ended;
  await betweenServers(halflap, printed);
  const safe = await halflap('campaign', 'what-if', 'shop', 'shard/eu1/prepare');
  expect(safe).toMatchObject({ code: 0, stdout: expect.stringMatching(/is safe/) });
  const unsafe = await halflap('campaign', 'what-if', 'shop', 'server/ghost1/upgrade');
  expect(unsafe).toMatchObject({ code: 3, stdout: expect.stringMatching(/prepare eu1/) });
}

/** Nobody is there that would say anything of features and messages. */
async function betweenServers(halflap: Asking['halflap'], printed: Asking['printed']) {
  const { features, shards } = await printed('clusters', 'features', 'list', 'shop');
  expect({ features, shards }).toEqual({ features: [], shards: [{ shard: 'eu1', ok: true }] });
  const refused = await halflap('clusters', 'features', 'enable', 'shop', 'quotas');
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringMatching(/no server that lives/) });
  const off = await printed('clusters', 'features', 'disable', 'shop', 'quotas');
  expect(off).toEqual({ feature: 'quotas', state: 'off', changed: false });
  const seen = await halflap('clusters', 'messages', 'list', 'shop');
  expect(seen.stdout).toMatch(/no server lives\nno parked messages/);
  const one = ['shop', '--shard', 'eu1', '--id', '1'];
  const given = await printed('clusters', 'messages', 'give-back', ...one);
  expect(given).toEqual({ shard: 'eu1', givenBack: [] });
  const gone = await printed('clusters', 'messages', 'discard', ...one, '--yes');
  expect(gone).toEqual({ shard: 'eu1', discarded: [] });
  const { behaviours } = await printed('clusters', 'behaviours', 'list', 'shop');
  expect(behaviours).toEqual([]);
}

/** What it said, and all that is known of it, by the beginning of its id. */
async function tellAll({ workspace, halflap, printed }: Asking, id: string): Promise<void> {
  const one = id.slice(0, 12);
  const { signals } = await printed('campaign', 'signals', one);
  expect(signals).toMatchObject([{ name: 'latency', before: null, stopAfterSeconds: 30 }]);
  const said = await halflap('campaign', 'signals', one, '--minutes', '5');
  expect(said.stdout).toMatch(/latency +– +not known: ECONNREFUSED/);
  const { report } = await printed('campaign', 'report', one, '--out', 'report.html');
  expect(report).toMatchObject({ campaign: { id, state: 'finished' }, hasMore: false });
  const page = readFileSync(join(workspace.directory, 'report.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>/);
  expect(page).toContain('no such server');
  const again = await halflap('campaign', 'report', one, '--out', 'report.html');
  expect(again.code, again.stderr).toBe(2);
}

async function upgrade(asking: Asking, whenDual: () => Promise<void>): Promise<void> {
  const { workspace, halflap, printed } = asking;
  const order = ['--step', 'server/ghost1/upgrade', '--step', 'shard/eu1/prepare'];
  const wrong = await halflap('campaign', 'plan', 'shop', ...order);
  expect(wrong).toMatchObject({ code: 3, stderr: expect.stringMatching(/does not serve 2\.0/) });
  workspace.write('wrong.yaml', 'soak: 5\n');
  const mistyped = await halflap('campaign', 'plan', 'shop', '--policy', 'wrong.yaml');
  expect(mistyped).toMatchObject({ code: 2, stderr: expect.stringMatching(/policy\.soak/) });
  const planned = ['plan', 'shop', '--until', 'expanded', '--policy', 'policy.yaml'];
  const { campaign } = await printed('campaign', ...planned);
  const { id } = campaign;
  expect(await printed('campaign', ...planned)).toMatchObject({ campaign: { id }, changed: false });
  const one = id.slice(0, 12);
  await printed('campaign', 'approve', one, '--digest', campaign.digest);
  expect(await printed('campaign', 'start', one)).toMatchObject({ changed: true });
  const stopped = await halflap('campaign', 'start', one, '--follow');
  expect(stopped.code).toBe(3);
  expect(stopped.stdout).toMatch(/: already started; (?:.|\n)*longer than 1 s/);
  await printed('campaign', 'retry', one, 'server/ghost1/upgrade');
  await printed('campaign', 'pause', one, '--reason', 'lunch');
  const again = await halflap('campaign', 'pause', one, '--reason', 'tea');
  expect(again).toMatchObject({ code: 0, stdout: `campaign ${id}: already paused\n` });
  const standing = async () => {
    const { code, stdout } = await halflap('campaign', 'status', one, '--json');
    return { code, ...(jsonLines(stdout)[0]?.campaign as Campaign) };
  };
  expect(await standing()).toMatchObject({ code: 3, state: 'paused', reason: 'lunch' });
  // Its step goes to its end, which is a failure.
  await expect
    .poll(async () => (await standing()).plan[1]?.state, { timeout: 30_000 })
    .toMatch(/failed|waiting/);
  await printed('campaign', 'skip', one, 'server/ghost1/upgrade', '--reason', 'no such server');
  await printed('campaign', 'exclude', one, 'server/ghost2', '--reason', 'no such server');
  await printed('campaign', 'resume', one);
  const finished = await halflap('campaign', 'status', one, '--follow');
  expect(finished.code, finished.stdout).toBe(0);
  const reached = ['--exclude', 'server/ghost1', '--exclude', 'server/ghost2'];
  const nothing = await printed('campaign', 'plan', 'shop', '--until', 'expanded', ...reached);
  expect(nothing).toEqual({ campaign: null, changed: false });
  await whenDual();
  await tellAll(asking, id);
  const { events } = await printed('campaign', 'history', one, '--all');
  const seen = events.find(({ looksOther }: { looksOther: boolean }) => looksOther);
  const then = await halflap('campaign', 'history', one, '--at', seen.number);
  expect(then.stdout).toMatch(/settled at 1\.0/);
  const back = await printed('campaign', 'back', one, '--reason', 'it was a test');
  await printed('campaign', 'cancel', back.id, '--reason', 'it was');
  const { campaigns } = await printed('campaign', 'list', '--cluster', 'shop', '--state=cancelled');
  expect(campaigns[0]).toMatchObject({ id: back.id, goal: 'back', backOf: id });
  const { clusters } = await printed('clusters', 'list');
  expect(clusters).toMatchObject([{ name: 'shop', campaign: null }]);
}

/** While the shard is dual: a row that collides with another, which then goes. */
async function lookAtShard(asking: Asking, url: string, api: TestApi) {
  const { halflap, printed } = asking;
  const shards = (word: string, ...args: readonly string[]) =>
    halflap('clusters', 'shards', word, 'shop', 'eu1', ...args);
  const asOld = (text: string) => withClient(url, null, (client) => client.query(text));
  expect((await shards('show')).stdout).toMatch(/ phase +dual 1\.0 → 2\.0(?:.|\n)* equal|done/);
  const contract = await startContract(asking, api);
  await asOld(`insert into items values (1, 'one', 'a'), (2, 'two', 'a'), (3, 'three', 'a')`);
  const { rows } = await printed('clusters', 'shards', 'quarantine', 'shop', 'eu1', '--limit=1');
  expect(rows).toMatchObject([{ relation: 'items', key: { id: 2 }, sqlstate: '23505' }]);
  await seeItBlocked(asking, api, contract);
  const none = await shards('quarantine', '--relation', 'others');
  expect(none).toMatchObject({ code: 0, stdout: 'no rows\n' });
  const shown = await shards('show', '--json');
  expect(shown).toMatchObject({ code: 3, stdout: expect.stringMatching(/"quarantined":2/) });
  expect(shown.stdout).not.toMatch(/postgres:/);
  const all = await shards('retry', '--row', rows[0].id);
  expect(all).toMatchObject({ code: 3, stdout: 'eu1: 0 of 1 rows carried, 2 left\n' });
  await asOld('delete from items where id in (1, 3)');
  const retried = ['retry', 'shop', 'eu1', '--reason', 'the duplicate is gone'];
  const done = await printed('clusters', 'shards', ...retried);
  expect(done).toMatchObject({ shard: 'eu1', tried: 1, carried: 1, left: 0 });
  const act = ['--act', 'shard.retry-quarantine', '--outcome', 'done'];
  const { entries } = await printed('audit', 'list', ...act);
  expect(entries[0].detail).toMatchObject({ reason: 'the duplicate is gone' });
  const { steps } = await printed('clusters', 'shards', 'journal', 'shop', 'eu1', '--all');
  expect(steps.at(-1)).toMatchObject({ verb: 'prepare', evolution: '1.0..2.0' });
  const { clusters } = await printed('clusters', 'list');
  const path = `/api/v1/clusters/${clusters[0].id}/shards/eu1`;
  const viewer = api.as('viewer');
  expect((await viewer('GET', path)).body).toMatchObject({ state: 'known', quarantined: 0 });
  const refused = await viewer('POST', `${path}/quarantine/retry`, { payload: {} });
  expect(refused).toMatchObject({ status: 403, body: { code: 'API_FORBIDDEN' } });
  const moved = { ...(await viewer('GET', `${path}/drift`)).body };
  expect(moved).toMatchObject({ state: 'under way', release: '1.0' });
  expect((await viewer('GET', `${path}9`)).status).toBe(404);
}

/** A shard that does not answer is an answer, in time, and without a word of its secret. */
async function lookAtLost({ workspace, halflap, printed }: Asking): Promise<void> {
  const silent = createServer();
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const at = (on: number) => `"postgres://halflap:hidden-word@127.0.0.1:${on}/gone"`;
  const file = `name: lost
app: ${APP}
servers: { hosts: role=none }
commands: { upgrade: { run: [/bin/true] } }
shards: [{ name: gone, url: ${at(1)} }, { name: silent, url: ${at(port)} }]
`;
  workspace.write('lost.yaml', file);
  await printed('clusters', 'add', 'lost.yaml');
  const told = async (word: string, shard: string, reason: RegExp) => {
    const { code, stdout, stderr } = await halflap('clusters', 'shards', word, 'lost', shard);
    expect(code, word).toBe(4);
    expect(stdout + stderr, word).toMatch(reason);
    expect(stdout + stderr, word).not.toMatch(/hidden-word/);
  };
  await Promise.all([
    told('show', 'silent', /away(?:.|\n)*(?:no answer in 5 s|timeout)/),
    told('show', 'gone', /away(?:.|\n)*ECONNREFUSED/),
    told('quarantine', 'gone', /no rows\n(?:.|\n)*ECONNREFUSED/),
    told('retry', 'gone', /SHARD_AWAY.*ECONNREFUSED/),
  ]);
  silent.close();
  await printed('clusters', 'remove', 'lost', '--yes');
}
