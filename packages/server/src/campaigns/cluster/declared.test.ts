// What a declaration of a cluster may say, and what becomes of it on a host. No database.

import { HalflapError } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { missingWebhooks, withKnown, withoutSecretsOf } from '../hooks/cluster-hooks.js';
import type { Hook } from '../hooks/hook-declaration.js';
import { type Served, stagesOf, workOf } from '../server-work.js';
import { type ClusterDeclaration, checkDeclaration, releaseOfVersion } from './declaration.js';
import { withoutSecrets } from './observe.js';
import { ownAddresses, withOwnShards } from './own-shards.js';

const URL = 'postgres://halflap:secret@db1:5432/shop';
const DECLARED: ClusterDeclaration = {
  ...{ name: 'shop', app: 'shop', servers: { hosts: 'role=shop' }, package: 'shop-server' },
  releases: [
    { release: '1.0', version: '1.0.4-1' },
    { release: '2.0', version: '2.0.0-1' },
  ],
  service: 'shop.service',
  shards: [{ name: 'eu1', url: URL }],
};

/** Which fields break a rule. */
function wrongIn(change: Partial<ClusterDeclaration>): readonly string[] {
  try {
    checkDeclaration({ ...DECLARED, ...change });
    return [];
  } catch (error) {
    if (!(error instanceof HalflapError)) throw error;
    expect(error.code).toBe('API_INVALID');
    expect(JSON.stringify([error.message, error.detail])).not.toContain('secret');
    return (error.detail.fields ?? []).map(({ field }) => field);
  }
}

describe('a declaration', () => {
  it('names each field that breaks a rule', () => {
    const command = { run: ['/bin/true'] };
    expect(wrongIn({})).toEqual([]);
    expect(wrongIn({ servers: {} })).toEqual(['body.servers']);
    expect(wrongIn({ servers: { named: [], nameLabel: 'name' } })).toHaveLength(2);
    expect(wrongIn({ commands: { upgrade: command } })).toEqual(['body.package']);
    expect(wrongIn({ commands: { restart: command } })).toEqual(['body.service']);
    expect(wrongIn({ releases: [] })).toEqual(['body.releases']);
    const [shard] = DECLARED.shards;
    const twice = [shard, shard] as ClusterDeclaration['shards'];
    expect(wrongIn({ shards: twice })).toEqual(['body.shards']);
  });

  it('takes hooks that can be called, each of one kind', () => {
    const webhook = { url: 'https://lb/hook', secret: 'secret secret secret' };
    const hook: Hook = { name: 'lb', when: 'before', webhook };
    const command = { host: 'lb1', run: ['/bin/true'] };
    expect(wrongIn({ hooks: [{ ...hook, on: ['server'], required: true }] })).toEqual([]);
    expect(wrongIn({ hooks: [hook, hook] })).toEqual(['body.hooks']);
    expect(wrongIn({ hooks: [{ ...hook, command }] })).toEqual(['body.hooks.0']);
    expect(wrongIn({ hooks: [{ ...hook, when: 'ended', on: ['shard'] }] })).toEqual([
      'body.hooks.0.on',
    ]);
    expect(wrongIn({ hooks: [{ ...hook, when: 'failed', required: true }] })).toEqual([
      'body.hooks.0.required',
    ]);
    const { url } = webhook;
    expect(wrongIn({ hooks: [{ ...hook, webhook: { url } }] })).toEqual(['body.hooks.0.webhook']);
    const told = { ...webhook, url: 'https://me:secret@lb/hook' };
    expect(wrongIn({ hooks: [{ ...hook, webhook: told }] })).toEqual(['body.hooks.0.webhook.url']);
  });

  it('shows the host of a webhook, and keeps what is left out', () => {
    const known = new Map([['lb', { url: 'https://lb/hook?key=secret', secret: 'x'.repeat(16) }]]);
    const hooks: Hook[] = [{ name: 'lb', when: 'after', webhook: { place: 'https://lb' } }];
    const whole = withKnown(hooks, known);
    expect(whole[0]?.webhook).toEqual(known.get('lb'));
    expect(withoutSecretsOf(whole)).toEqual(hooks);
    expect(missingWebhooks(withKnown(hooks, new Map()))).toHaveLength(1);
  });

  it('of Halflap itself has the shards that servers know, and no addresses', () => {
    const own = [
      { name: 's1', url: URL },
      { name: 's2', url: URL },
    ];
    const shards = [{ name: 's3', canary: true }, { name: 's2' }];
    const itself = { ...DECLARED, app: 'halflap', itself: true, shards };
    expect(wrongIn(itself)).toEqual([]);
    expect(wrongIn({ ...itself, app: 'shop' })).toEqual(['body.app']);
    expect(wrongIn({ ...itself, shards: DECLARED.shards })).toEqual(['body.shards.0.url']);
    expect(wrongIn({ shards: [] })).toEqual(['body.shards']);
    expect(ownAddresses(itself, own)).toEqual([
      { name: 's3', isCanary: true, url: null },
      { name: 's2', isCanary: false, url: URL },
      { name: 's1', isCanary: false, url: URL },
    ]);
    const { shards: _, ...without } = DECLARED;
    expect(withOwnShards(without, own).shards).toEqual([]);
  });

  it('takes signals whose address has no secret, each name once', () => {
    const signal = { name: 'p95', url: 'http://app:8080/latency', pointer: '/p95', stopAbove: 500 };
    expect(wrongIn({ signals: [signal] })).toEqual([]);
    expect(wrongIn({ signals: [signal, signal] })).toEqual(['body.signals']);
    const { stopAbove: _, ...shown } = signal;
    expect(wrongIn({ signals: [{ ...shown, stopAfterSeconds: 5 }] })).toEqual([
      'body.signals.0.stopAfterSeconds',
    ]);
    for (const url of ['http://u:secret@app/', 'http://']) {
      expect(wrongIn({ signals: [{ ...signal, url }] }), url).toEqual(['body.signals.0.url']);
    }
  });

  it('takes addresses of hosts, and none of sockets or files', () => {
    const shards = (url: string) => ({ shards: [{ name: 'eu1', url }] });
    expect(wrongIn(shards(`${URL}?sslmode=require`))).toEqual([]);
    expect(wrongIn(shards('postgres://u:secret@[::1]:5432/shop'))).toEqual([]);
    for (const url of [
      'postgres://u:secret@%2Fvar%2Frun%2Fpostgresql/shop',
      'postgres:///shop?host=/var/run/postgresql',
      `${URL}?sslrootcert=/etc/passwd`,
      `${URL}?options=-csession_replication_role%3Dreplica`,
      'postgres://u:secret@db1',
    ]) {
      expect(wrongIn(shards(url)), url).toEqual(['body.shards.0.url']);
    }
  });

  it('knows the release of a version, and hides an address in what is told', () => {
    expect(releaseOfVersion(DECLARED, '2.0.0-1')).toBe('2.0');
    expect(releaseOfVersion(DECLARED, '2.0.0-2')).toBeNull();
    const told = withoutSecrets(`no pg_hba.conf entry for secret at ${URL}`, URL);
    expect(told).toBe('no pg_hba.conf entry for ••• at •••');
  });
});

describe('a step of a server', () => {
  const served = (change: Partial<Served> = {}): Served => ({
    step: { kind: 'server', name: 'app1', action: 'upgrade' },
    ...{ declared: DECLARED, release: '2.0', before: '1.0', isInstalled: false, ...change },
  });

  it('installs the version of the release, and restarts the service', () => {
    expect(stagesOf(served())).toEqual(['upgrade', 'restart', 'register']);
    expect(workOf('upgrade', served())).toMatchObject({
      ...{ action: 'install', packages: [{ name: 'shop-server', version: '2.0.0-1' }] },
    });
    expect(workOf('restart', served())).toMatchObject({
      action: 'restart',
      service: DECLARED.service,
    });
    expect(stagesOf(served({ isInstalled: true }))).toEqual(['restart', 'register']);
    const step = { kind: 'server', name: 'app1', action: 'downgrade' } as const;
    const back = served({ step, release: '1.0', before: '2.0' });
    expect(workOf('upgrade', back)).toMatchObject({
      ...{ action: 'downgrade', packages: [{ name: 'shop-server', version: '1.0.4-1' }] },
    });
  });

  it('fills in commands, which no shell reads', () => {
    const { package: _, service: __, ...rest } = DECLARED;
    const run = ['/opt/shop', 'to', '{release}', '{server} from {from}', '$(reboot)'];
    const commands = { upgrade: { run, environment: { RELEASE: '{release}' } }, health: { run } };
    const declared = { ...rest, commands };
    expect(stagesOf(served({ declared, isInstalled: true }))).toEqual([
      ...['upgrade', 'register', 'health'],
    ]);
    expect(workOf('upgrade', served({ declared }))).toEqual({
      ...{ kind: 'command', program: '/opt/shop', user: null, directory: null },
      args: ['to', '2.0', 'app1 from 1.0', '$(reboot)'],
      environment: { RELEASE: '2.0' },
    });
    expect(workOf('register', served({ declared }))).toBeNull();
  });
});
