// Runs on a host where systemd is the first process: a real one, in namespaces of its own.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canStartSystemd, type OwnSystemd, startSystemd } from '../services/testing/own-systemd.js';
import { CLUSTER_KEY, shell, signed, TestAgent } from './testing/test-agent.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/** What the runs of an agent need of this repository, and where they find it. */
const NEEDED = {
  'packages/agent/dist': 'packages/agent/dist',
  'packages/agent/package.json': 'packages/agent/package.json',
  'packages/agent/src/orders/testing': 'packages/agent/src/orders/testing',
  'packages/protocol/dist': 'node_modules/@halflap/protocol/dist',
  'packages/protocol/package.json': 'node_modules/@halflap/protocol/package.json',
  'node_modules/typebox': 'node_modules/typebox',
  'node_modules/yaml': 'node_modules/yaml',
};

const PROGRAM = '/agent/packages/agent/src/orders/testing/doomed-agent.mjs';
const TAKE = `node ${PROGRAM} "$$(cat /state/given)" && echo >/state/end`;
const UNITS = {
  'agent.service': [
    '[Unit]\nDescription=Takes an order, and says when it has told its end',
    `[Service]\nExecStart=/bin/sh -c '${TAKE}'\n`,
  ].join('\n'),
};

describe.skipIf(!canStartSystemd())('where systemd runs the host, an order', () => {
  let systemd: OwnSystemd;
  let agent: TestAgent;

  beforeAll(async () => {
    agent = await TestAgent.start();
    systemd = await startSystemd(UNITS);
    for (const [from, to] of Object.entries(NEEDED)) {
      await fs.cp(join(ROOT, from), join(systemd.root, 'agent', to), { recursive: true });
    }
    await fs.mkdir(at(''));
    await fs.writeFile(at('policy.yaml'), 'allow: { command: true }');
    execFileSync('mkfifo', [at('end')]);
  });
  afterAll(async () => {
    await systemd?.stop();
    await agent.remove();
  });

  const at = (path: string) => join(systemd.root, 'state', path);
  const inside = (...command: string[]) => {
    const [enter = '', ...args] = systemd.enter;
    return execFileSync(enter, [...args, ...command], { encoding: 'utf8' });
  };

  it('survives the restart of its agent’s unit, and leaves nothing that runs', async () => {
    const lines = [
      // Leaves the process group, and ends with the unit all the same.
      'setsid sleep 600 &',
      'cat /proc/self/cgroup > /state/effect',
      'systemctl restart agent',
      'echo restarted >> /state/effect',
    ];
    const order = agent.order(shell(lines.join('\n')));
    const given = {
      ...{ state: '/state', host: agent.host, keys: [CLUSTER_KEY] },
      ...{ policyFile: '/state/policy.yaml', frame: signed(order), at: 0 },
    };
    await fs.writeFile(at('given'), JSON.stringify(given));
    inside('systemctl', 'start', 'agent');
    await fs.readFile(at('end'));
    const effect = await fs.readFile(at('effect'), 'utf8');
    expect(effect).toMatch(new RegExp(`/halflap-run-${order.run}\\.service\nrestarted\n$`));
    // Waits for the end of the unit; there is none left when it has ended before.
    const left = `systemctl stop halflap-run-${order.run} 2>/dev/null; ps -eo comm=`;
    expect(inside('/bin/sh', '-c', left).split('\n')).not.toContain('sleep');
  });
});
