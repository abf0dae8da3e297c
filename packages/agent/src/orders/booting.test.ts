// Orders that boot their host, on a host that does not go down: the boot is pretended, and so is
// the program that asks for it. That of a real systemd is in systemd.test.ts.

import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootsHost } from './booting.js';
import { FACTS } from './journal.js';
import { readBootId } from './liveness.js';
import { command, TestAgent } from './testing/test-agent.js';

describe('a command', () => {
  it('boots the host when it is one of those that do', () => {
    const boots = (line: string) => {
      const [program = '', ...args] = line.split(' ');
      return bootsHost(command(program, ...args));
    };
    for (const line of [
      ...['/usr/sbin/reboot', '/sbin/reboot --force', '/usr/bin/systemctl --no-wall reboot'],
      ...['/sbin/shutdown -r now', '/sbin/shutdown --reboot +5'],
    ]) {
      expect(boots(line), line).toBe(true);
    }
    for (const line of [
      ...['/usr/bin/systemctl restart reboot', '/bin/echo reboot', '/sbin/shutdown -h now'],
      ...['/usr/bin/systemctl poweroff', '/sbin/shutdown --no-wall'],
    ]) {
      expect(boots(line), line).toBe(false);
    }
  });
});

describe('an order that boots its host', () => {
  let agent: TestAgent;

  beforeAll(async () => {
    agent = await TestAgent.start();
    await fs.writeFile(agent.path('reboot'), '#!/bin/sh\necho down\n', { mode: 0o755 });
  });
  afterAll(() => agent.remove());

  /** Until its command has ended. */
  async function asked(timeoutSeconds: number): Promise<string> {
    const order = agent.order(command(agent.path('reboot')), { timeoutSeconds });
    await agent.take(order);
    const fact = join(agent.state, 'runs', order.run, FACTS.booting);
    while (!existsSync(fact)) await pause(20);
    return order.run;
  }

  it('ends once that has happened', async () => {
    const run = await asked(60);
    await agent.restart();
    expect(agent.endsOf(run)).toEqual([]);
    await agent.restart({ bootId: 'another' });
    expect(await agent.result(run)).toMatchObject({
      ...{ state: 'succeeded', exitCode: 0, message: 'the host was booted', outputBytes: 5 },
    });
    await agent.restart({ bootId: await readBootId() });
  });

  it('ends without it when it is cancelled, or when its time is over', async () => {
    const run = await asked(60);
    await agent.orders.cancel({ type: 'cancel', fence: 1, run });
    expect(await agent.result(run)).toMatchObject({ state: 'cancelled' });
    expect(await agent.result(await asked(1))).toMatchObject({
      ...{ state: 'failed', message: 'the host was not booted within 1 seconds' },
    });
  });
});
