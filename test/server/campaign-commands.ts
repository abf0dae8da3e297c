// A campaign from the command line, for the test of all commands: one shard, and two servers whose
// agents never come, so that their steps fail and people have to choose.

import { installRelease } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { expect } from 'vitest';
import type { Ended, Workspace } from '../../packages/cli/test/run-cli.js';
import { APP, compilePair } from '../evolving/releases.js';

export interface Asking {
  readonly workspace: Workspace;
  readonly env: Readonly<Record<string, string>>;
  halflap(...args: readonly string[]): Promise<Ended>;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  printed(...args: readonly string[]): Promise<any>;
}

const OLD = 'create table items (id int primary key, name text);';
const NEW = 'create table items (id int primary key, title text);';
const CHANGES = 'changes:\n  - rename_column: { table: items, column: name, to: title }\n';

/** @param host a hostname that one active host has */
export async function commandCampaign(asking: Asking, host: string): Promise<void> {
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
    await declare(asking);
    await upgrade(asking);
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

async function upgrade({ workspace, halflap, printed }: Asking): Promise<void> {
  const order = ['--step', 'server/ghost1/upgrade', '--step', 'shard/eu1/prepare'];
  const wrong = await halflap('campaign', 'plan', 'shop', ...order);
  expect(wrong).toMatchObject({ code: 3, stderr: expect.stringMatching(/does not serve 2\.0/) });
  workspace.write('wrong.yaml', 'soak: 5\n');
  const mistyped = await halflap('campaign', 'plan', 'shop', '--policy', 'wrong.yaml');
  expect(mistyped).toMatchObject({ code: 2, stderr: expect.stringMatching(/policy\.soak/) });
  const planned = ['plan', 'shop', '--until', 'expanded', '--policy', 'policy.yaml'];
  const { campaign } = await printed('campaign', ...planned);
  const { id } = campaign;
  const one = id.slice(0, 12);
  await printed('campaign', 'approve', one, '--digest', campaign.digest);
  await printed('campaign', 'start', one);
  const stopped = await halflap('campaign', 'status', one, '--follow');
  expect(stopped).toMatchObject({ code: 3, stdout: expect.stringMatching(/longer than 1 s/) });
  await printed('campaign', 'retry', one, 'server/ghost1/upgrade');
  await printed('campaign', 'pause', one, '--reason', 'lunch');
  const { campaign: paused } = await printed('campaign', 'status', one);
  expect(paused).toMatchObject({ state: 'paused', reason: 'lunch' });
  // Its step goes to its end, which is a failure.
  const stepOf = async () => (await printed('campaign', 'status', one)).campaign.plan;
  await expect
    .poll(async () => (await stepOf())[1].state, { timeout: 30_000 })
    .toMatch(/failed|waiting/);
  await printed('campaign', 'skip', one, 'server/ghost1/upgrade', '--reason', 'no such server');
  await printed('campaign', 'exclude', one, 'server/ghost2', '--reason', 'no such server');
  await printed('campaign', 'resume', one);
  const finished = await halflap('campaign', 'status', one, '--follow');
  expect(finished.code, finished.stdout).toBe(0);
  const { events } = await printed('campaign', 'history', one, '--all');
  const seen = events.find(({ looksOther }: { looksOther: boolean }) => looksOther);
  const then = await halflap('campaign', 'history', one, '--at', seen.number);
  expect(then.stdout).toMatch(/settled at 1\.0/);
  const back = await printed('campaign', 'back', one, '--reason', 'it was a test');
  await printed('campaign', 'cancel', back.id, '--reason', 'it was');
  const { campaigns } = await printed('campaign', 'list', '--cluster', 'shop', '--state=cancelled');
  expect(campaigns).toMatchObject([{ id: back.id, goal: 'back', backOf: id }]);
  const { clusters } = await printed('clusters', 'list');
  expect(clusters).toMatchObject([{ name: 'shop', campaign: null }]);
}
