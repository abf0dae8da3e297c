// Services of a real systemd, which runs in namespaces of its own.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { checkSnapshot, type SERVICE_ACTIONS, type Service } from '@halflap/protocol/agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findAbilities } from '../abilities.js';
import { collect } from '../collect.js';
import type { Host } from '../host.js';
import { Memory } from '../memory.js';
import { systemctl } from '../orders/work-service.js';
import { runProgram } from '../program.js';
import { journalOf } from './journal.js';
import { findServices } from './list.js';
import { canStartSystemd, type OwnSystemd, startSystemd } from './testing/own-systemd.js';

const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };

const unit = (description: string, run: string, more = '') =>
  `[Unit]\nDescription=${description}\n${more}[Service]\n${run}\n` +
  '[Install]\nWantedBy=basic.target\n';

/** Whose start takes until they have ended. */
const once = (command: string) => `Type=oneshot\nExecStart=${command}`;

const UNITS = {
  'clock.service': unit('Geht für immer', 'ExecStart=/bin/sleep 9999'),
  'talk.service': unit('Talks', once('/bin/echo -e eins\\nzwei')),
  'broken.service': unit('Fails', once('/bin/false'), 'Wants=nowhere.service\n'),
  'off.service': unit('Was never started', once('/bin/true')),
  'many@.service': unit('One of many', once('/bin/true')),
};

describe.skipIf(!canStartSystemd())('services of systemd', () => {
  let systemd: OwnSystemd;
  let host: Host;
  const memory = new Memory();

  beforeAll(async () => {
    systemd = await startSystemd(UNITS);
    host = { root: systemd.root, enter: systemd.enter, log };
  });
  afterAll(() => systemd?.stop());

  it('are told with their state, also those that systemd has not loaded', async () => {
    await control('start', 'clock');
    await control('start', 'broken.service');
    const services = await listed();
    const names = [...services.keys()].filter((name) => !/^(systemd-journald|ready)\./.test(name));
    expect(names).toEqual(['broken', 'clock', 'off', 'talk'].map((name) => `${name}.service`));
    expect(services.get('clock.service')).toEqual({
      name: 'clock.service',
      description: 'Geht für immer',
      load: 'loaded',
      active: 'active',
      sub: 'running',
      enabled: 'disabled',
      since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    const off = { active: 'inactive', sub: 'dead', enabled: 'disabled', since: null };
    expect(services.get('off.service')).toMatchObject({ ...off, description: 'Was never started' });
    expect(services.get('broken.service')).toMatchObject({ active: 'failed', sub: 'failed' });
  });

  it('are stopped, enabled and disabled, and the list follows', async () => {
    expect(await control('enable', 'off')).toMatchObject({ exitCode: 0 });
    expect((await listed()).get('off.service')).toMatchObject({ enabled: 'enabled' });
    expect(await control('disable', 'off')).toMatchObject({ exitCode: 0 });
    expect((await listed()).get('off.service')).toMatchObject({ enabled: 'disabled' });
    expect(await control('stop', 'clock')).toMatchObject({ kind: 'ran', exitCode: 0 });
    expect((await listed()).get('clock.service')).toMatchObject({ active: 'inactive' });
    await fs.rm(join(systemd.root, 'etc/systemd/system/off.service'));
    expect([...(await listed()).keys()]).not.toContain('off.service');
  });

  it('say what systemctl says when something cannot be done', async () => {
    const unknown = await control('start', 'nowhere');
    expect(unknown).toMatchObject({ kind: 'ran', exitCode: 5 });
    expect(JSON.stringify(unknown)).toContain('nowhere.service not found');
  });

  it('give the last lines of their journal', async () => {
    await control('start', 'talk');
    await runProgram(host, ['journalctl', '--sync'], { timeoutMs: 30_000 });
    const head = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \w+\[\d+\]: /;
    const lines = await journalOf(host, 'talk', 20);
    expect(lines.every((line) => head.test(line))).toBe(true);
    expect(lines.map((line) => line.replace(head, ''))).toEqual(
      expect.arrayContaining(['eins', 'zwei', expect.stringMatching('Talks')]),
    );
    expect(await journalOf(host, 'talk', 2)).toEqual(lines.slice(-2));
    expect(await journalOf(host, 'nowhere', 2)).toEqual([]);
    await expect(journalOf(host, '*', 2)).rejects.toThrow('no name of a service');
  });

  it('are a part of what is collected', async () => {
    const snapshot = await collect({ host, memory });
    expect(checkSnapshot(snapshot)).toMatchObject({ ok: true });
    expect(snapshot).toMatchObject({ packages: [], system: { os: { id: 'own' } } });
    expect(snapshot.services?.length).toBeGreaterThan(2);
    expect(await findAbilities(host)).toEqual({ packages: [], services: true });
  });

  async function listed(): Promise<ReadonlyMap<string, Service>> {
    const services = (await findServices(host, memory)) ?? [];
    return new Map(services.map((one) => [one.name, one]));
  }

  /** As an order does. */
  const control = (action: (typeof SERVICE_ACTIONS)[number], service: string) =>
    runProgram(host, ['systemctl', ...systemctl({ kind: 'service', action, service }).args], {
      timeoutMs: 30_000,
    });
});
