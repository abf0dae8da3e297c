// Runs on a host where systemd is the first process: a real one, in namespaces of its own.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order } from '@halflap/protocol/agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canStartSystemd, type OwnSystemd, startSystemd } from '../services/testing/own-systemd.js';
import { makeRepository } from './testing/apt-repository.js';
import { CLUSTER_KEY, command, shell, signed, TestAgent } from './testing/test-agent.js';

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

const PROGRAM = 'packages/agent/src/orders/testing/doomed-agent.mjs';
/** Its own package, which is installed in the root of the host and not on this machine. */
const PACKAGE = 'halflap-agent';

/** Takes the order of /state/given, and says when it has told its end. */
const unitOf = (directory: string, who: string) => {
  const take = `node ${directory}/${PROGRAM} "$$(cat /state/given)" ${who}`;
  return [
    '[Unit]\nDescription=An agent',
    `[Service]\nExecStart=/bin/sh -c '${take} && echo >/state/end'\n`,
  ].join('\n');
};
/** By which systemd goes down. */
const BOOT_UNITS = ['reboot.target', 'systemd-reboot.service', 'umount.target', 'final.target'];

async function units() {
  const found = BOOT_UNITS.map(async (name) => {
    return [name, await fs.readFile(join('/usr/lib/systemd/system', name), 'utf8')] as const;
  });
  const own = ['agent.service', unitOf('/state/agent', 'agent')] as const;
  return Object.fromEntries([own, ...(await Promise.all(found))]);
}

/** A host of dpkg that has no package yet, and one repository. */
const WITH_APT = `
cd /var && mkdir -p lib/dpkg/info lib/dpkg/updates lib/dpkg/triggers log/apt
mkdir -p lib/apt/lists/partial cache/apt/archives/partial /etc/apt/apt.conf.d /etc/apt/preferences.d
: >lib/dpkg/status
echo 'APT::Sandbox::User "root"; Dpkg::Use-Pty 0;' >/etc/apt/apt.conf
echo 'deb [trusted=yes] file:/state/apt/repository ./' >/etc/apt/sources.list
apt-get --quiet update
`;

describe.skipIf(!canStartSystemd())('where systemd runs the host, an order', () => {
  let systemd: OwnSystemd;
  let agent: TestAgent;

  beforeAll(async () => {
    agent = await TestAgent.start();
    await putProgram(at('agent'));
    await fs.writeFile(at('policy.yaml'), 'allow: { command: true, packages: true }');
    execFileSync('mkfifo', [at('end')]);
    systemd = await startSystemd(await units(), at(''));
  });
  afterAll(async () => {
    await systemd?.stop();
    await agent.remove();
  });

  /** What outlives the host's boots. */
  const at = (path: string) => join(agent.directory, 'host', path);
  const inside = (...command: string[]) => {
    const [enter = '', ...args] = systemd.enter;
    return execFileSync(enter, [...args, ...command], { encoding: 'utf8' });
  };
  /** The order for whichever agent begins next. */
  const give = (order: Order) =>
    fs.writeFile(
      at('given'),
      JSON.stringify({
        ...{ state: '/state', host: agent.host, keys: [CLUSTER_KEY], told: '/state/told' },
        ...{ policyFile: '/state/policy.yaml', frame: signed(order), at: 0 },
      }),
    );
  const told = async () => {
    const lines = (await fs.readFile(at('told'), 'utf8')).trimEnd().split('\n');
    await fs.rm(at('told'));
    return lines.map((line) => JSON.parse(line));
  };

  async function putProgram(directory: string): Promise<void> {
    for (const [from, to] of Object.entries(NEEDED)) {
      const filter = (path: string) => !/\.(d\.m?ts|map)$/.test(path);
      await fs.cp(join(ROOT, from), join(directory, to), { recursive: true, filter });
    }
  }

  it('survives the restart of its agent’s unit, and leaves nothing that runs', async () => {
    const lines = [
      // Leaves the process group, and ends with the unit all the same.
      'setsid sleep 600 &',
      'cat /proc/self/cgroup > /state/effect',
      'systemctl restart agent',
      'echo restarted >> /state/effect',
    ];
    const order = agent.order(shell(lines.join('\n')));
    await give(order);
    inside('systemctl', 'start', 'agent');
    await fs.readFile(at('end'));
    const effect = await fs.readFile(at('effect'), 'utf8');
    expect(effect).toMatch(new RegExp(`/halflap-run-${order.run}\\.service\nrestarted\n$`));
    // Waits for the end of the unit; there is none left when it has ended before.
    const left = `systemctl stop halflap-run-${order.run} 2>/dev/null; ps -eo comm=`;
    expect(inside('/bin/sh', '-c', left).split('\n')).not.toContain('sleep');
    expect(await told()).toHaveLength(1);
  });

  it('upgrades its agent’s own package, and is told once, by the new agent', async () => {
    const made = ['1.0', '2.0'].map((version) => ({
      ...{ name: PACKAGE, version },
      onConfigure: `systemctl daemon-reload\nsystemctl restart ${PACKAGE}`,
      async put(root: string) {
        await fs.mkdir(join(root, 'opt'));
        execFileSync('cp', ['-rl', at('agent'), join(root, 'opt', PACKAGE)]);
        const units = join(root, 'etc/systemd/system');
        await fs.mkdir(units, { recursive: true });
        const unit = unitOf(`/opt/${PACKAGE}`, version);
        await fs.writeFile(join(units, `${PACKAGE}.service`), unit);
      },
    }));
    await makeRepository(at('apt'), made);
    inside('/bin/sh', '-ec', WITH_APT);
    const packages = [{ name: PACKAGE, version: '2.0' }];
    const work = { kind: 'packages', action: 'upgrade', onlySecurity: false } as const;
    await give(agent.order({ ...work, packages, simulate: false }));
    // Begins with its installation, and waits until dpkg has ended that.
    inside('apt-get', '--quiet', '--yes', 'install', `${PACKAGE}=1.0`);
    await fs.readFile(at('end'));
    expect(await told()).toMatchObject([
      { who: '2.0', state: 'succeeded', message: `changed: ${PACKAGE} 1.0 → 2.0` },
    ]);
    const format = '--showformat=$' + '{db:Status-Abbrev}$' + '{Version}';
    expect(inside('dpkg-query', '--show', format, PACKAGE)).toBe('ii 2.0');
  });

  it('boots the host, and has succeeded when that is back', async () => {
    const order = agent.order(command('/usr/bin/systemctl', 'reboot'));
    await give(order);
    const bootId = () => inside('cat', '/proc/sys/kernel/random/boot_id').trim();
    const before = bootId();
    inside('systemctl', 'start', 'agent');
    await systemd.down;
    await systemd.stop();
    systemd = await startSystemd(await units(), at(''));
    expect(bootId()).not.toBe(before);
    inside('systemctl', 'start', 'agent');
    await fs.readFile(at('end'));
    expect(await told()).toMatchObject([
      { who: 'agent', state: 'succeeded', exitCode: 0, message: 'the host was booted' },
    ]);
    const claim = await fs.readFile(at(`runs/${order.run}/claim.json`), 'utf8');
    expect(JSON.parse(claim).bootId).toBe(before);
  });
});
