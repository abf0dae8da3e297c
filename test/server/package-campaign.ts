// A campaign through real packages, for the test of the whole: a cluster of one server, which is
// this machine, and one shard. Its agent installs the newer version and goes back; and what
// somebody does by apt is found.

import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import { installRelease } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import type { Campaign } from '@halflap/server';
import { expect } from 'vitest';
import { APP, compilePair } from '../evolving/releases.js';
import { until } from './job-cluster.js';

const OLD = 'create table items (id int primary key, name text);';
const NEW = 'create table items (id int primary key, title text);';
const CHANGES = 'changes:\n  - rename_column: { table: items, column: name, to: title }\n';
const [PREPARE, UPGRADE] = ['shard/eu1/prepare', 'server/app1/upgrade'];

export interface Machine {
  readonly address: string;
  /** Of an operator. */
  readonly token: string;
  readonly package: string;
  /** A program that the host's policy allows; it is given the release. */
  readonly restart: string;
  /** What stands before a command line that can install the packages. */
  readonly inside: readonly string[];
  /** Its version now. */
  installed(): string;
  /** Has the agent away for as long as that takes. */
  away(work: () => void): Promise<void>;
}

export async function packageCampaign(machine: Machine): Promise<void> {
  const [{ from, bundle }, database] = await Promise.all([
    compilePair(OLD, NEW, CHANGES),
    freshDatabase(),
  ]);
  try {
    await installRelease({ url: database.url, app: APP, shard: 'eu1', release: from });
    const ask = asking(machine);
    await ask('evolutions', { bundle });
    const { id: cluster } = await ask('clusters', {
      ...{ name: 'packaged', app: APP, package: machine.package },
      releases: ['1.0', '2.0'].map((release) => ({ release, version: release })),
      servers: { named: [{ name: 'app1', host: hostname() }] },
      commands: { restart: { run: [machine.restart, '{release}'] } },
      shards: [{ name: 'eu1', url: database.url }],
    });
    const order = { cluster, order: [PREPARE, UPGRADE] };
    const upgraded = await carryOut(ask, (await ask('campaigns', order)).id);
    expect(machine.installed()).toBe('2.0');
    expect(messageOf(upgraded, UPGRADE)).toBeNull();
    const stages = upgraded.plan.flatMap((step) => step.stages.map(({ stage }) => stage));
    expect(stages).toEqual(['upgrade', 'restart', 'register']);
    const back = await ask(`campaigns/${upgraded.id}/back`, {});
    await carryOut(ask, back.id);
    expect(machine.installed()).toBe('1.0');
    const { id } = await ask('campaigns', order);
    await machine.away(() => byHand(machine, '2.0'));
    const seen = () => ask(`clusters/${cluster}/matrix`);
    await until(seen, ({ servers: [server] }) => server.installed === '2.0');
    const found = await carryOut(ask, id);
    expect(messageOf(found, UPGRADE)).toBe('it was done already');
  } finally {
    await database.drop();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
type Ask = (path: string, body?: object) => Promise<any>;

function asking({ address, token }: Machine): Ask {
  return async (path, body) => {
    const response = await fetch(`${address}/api/v1/${path}`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.ok, `${path}: ${text}`).toBe(true);
    return JSON.parse(text);
  };
}

/** Approves and starts it. @returns it as it has finished */
async function carryOut(ask: Ask, id: string): Promise<Campaign> {
  const { digest } = await ask(`campaigns/${id}`);
  await ask(`campaigns/${id}/approve`, { digest });
  await ask(`campaigns/${id}/start`, {});
  const ended = await until<Campaign>(
    () => ask(`campaigns/${id}`),
    ({ state }) => state !== 'running',
  );
  expect(ended.state, JSON.stringify(ended)).toBe('finished');
  return ended;
}

function messageOf({ plan }: Campaign, step: string): string | null | undefined {
  return plan.find(({ id }) => id === step)?.message;
}

/** As an operator would, in a shell of the machine. */
function byHand({ inside, package: name, installed }: Machine, version: string): void {
  const [program = '', ...before] = inside;
  execFileSync(program, [...before, 'apt-get', 'install', '--yes', `${name}=${version}`], {
    stdio: 'ignore',
  });
  expect(installed()).toBe(version);
}
