// Package transactions by the real apt-get and dpkg of this machine, and by the real dnf, of
// packages that are made here.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order, Work } from '@halflap/protocol/agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dnf } from './dnf.js';
import { FACTS } from './journal.js';
import { type ProcessMark, readBootId } from './liveness.js';
import type { PackagesOrder } from './package-manager.js';
import { canInstall, makeRepository } from './testing/apt-repository.js';
import { canUseDnf, makeDnfRepository } from './testing/dnf-repository.js';
import { CLUSTER_KEY, SUPERVISOR, signed, TestAgent } from './testing/test-agent.js';

const PROGRAM = fileURLToPath(new URL('./testing/doomed-agent.mjs', import.meta.url));

/** Names that no other run of this test has. */
const TOOL = `halflap-test-${process.pid}-tool`;
const USER = `halflap-test-${process.pid}-user`;
const CUT = `halflap-test-${process.pid}-cut`;
const CONFIGURATION = `/etc/${TOOL}.conf`;

function work(action: PackagesOrder['action'], ...packages: string[]): Work & { kind: 'packages' } {
  const named = packages.map((one) => {
    const [name = '', version = null] = one.split('=');
    return { name, version };
  });
  return { kind: 'packages', action, packages: named, onlySecurity: false, simulate: false };
}

describe.skipIf(!canInstall())('a package', () => {
  let agent: TestAgent;
  let supervisor: readonly string[];

  beforeAll(async () => {
    agent = await TestAgent.start();
    for (const name of ['started', 'gate']) execFileSync('mkfifo', [agent.path(name)]);
    // Says that it has begun, and goes on when it is told to.
    const wait = `echo begun > ${agent.path('started')}; timeout 60 cat ${agent.path('gate')}`;
    // The first time it never comes to its end.
    const cutOnce = (version: string) =>
      [
        `[ ! -e ${agent.path(`cut-${version}`)} ] || exit 0`,
        `echo > ${agent.path(`cut-${version}`)}`,
        `echo begun > ${agent.path('started')}; exec sleep 600`,
      ].join('\n');
    const count = (version: string) => `echo ${version} >> ${agent.path('effect')}`;
    const inside = await makeRepository(agent.directory, [
      { name: TOOL, version: '1.0', configuration: 'first\n', onConfigure: count('1.0') },
      {
        ...{ name: TOOL, version: '2.0', configuration: 'second\n' },
        onConfigure: `${count('2.0')}\n${wait}`,
      },
      { name: USER, version: '1.0', depends: TOOL },
      ...['1.0', '2.0'].map((version) => ({ name: CUT, version, onConfigure: cutOnce(version) })),
    ]);
    supervisor = [...inside, ...SUPERVISOR];
    await agent.restart({ supervisor });
  });

  afterAll(async () => {
    execFileSync('dpkg', ['--purge', '--force-hold', USER, TOOL, CUT], { stdio: 'ignore' });
    await agent.remove();
  });

  const installed = (name = TOOL) => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query replaces them.
    const format = '--showformat=${db:Status-Abbrev}${Version}';
    return execFileSync('dpkg-query', ['--show', format, name], { encoding: 'utf8' });
  };
  const run = (...given: Parameters<typeof work>) => agent.run(work(...given));

  it('is not installed by a simulation, which says what would be', async () => {
    const order = agent.order({ ...work('install', USER, `${TOOL}=1.0`), simulate: true });
    await agent.take(order);
    expect(await agent.result(order.run)).toMatchObject({
      ...{ state: 'succeeded', exitCode: 0 },
      message: `nothing was changed: would change ${TOOL}, ${USER}`,
    });
    expect(agent.textOf(order.run)).toContain(`Inst ${TOOL} (1.0`);
    expect(() => installed()).toThrow();
  });

  it('that does not exist is not found, nor is one whose name is a pattern', async () => {
    for (const name of [`${TOOL}.`, `${TOOL}=7.0`]) {
      expect(await run('install', name)).toMatchObject({
        state: 'failed',
        message: expect.stringMatching(/^nothing was changed: E: (Unable to locate|Version)/),
      });
    }
  });

  it('is installed in the version that is asked for', async () => {
    expect(await run('install', `${TOOL}=1.0`, USER)).toMatchObject({
      ...{ state: 'succeeded', exitCode: 0 },
      message: `changed: ${TOOL} (none) → 1.0, ${USER} (none) → 1.0`,
    });
    expect(installed()).toBe('ii 1.0');
  });

  it('that is held is not upgraded', async () => {
    expect(await run('hold', TOOL)).toMatchObject({ state: 'succeeded', message: `hold: ${TOOL}` });
    expect(installed()).toBe('hi 1.0');
    expect(await run('upgrade', TOOL)).toMatchObject({
      state: 'failed',
      message: 'nothing was changed: it would change held packages',
    });
    expect(await run('unhold', TOOL)).toMatchObject({ state: 'succeeded' });
  });

  it('is upgraded to its end though the agent is killed and a server asks to end it', async () => {
    await fs.writeFile(CONFIGURATION, 'edited\n');
    await agent.orders.stop();
    const order = agent.order(work('upgrade', TOOL));
    const given = {
      ...{ state: agent.state, host: agent.host, keys: [CLUSTER_KEY], supervisor },
      ...{ policyFile: agent.policyFile, frame: signed(order), at: 0 },
    };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(given)], { stdio: 'inherit' });
    expect(await fs.readFile(agent.path('started'), 'utf8')).toBe('begun\n');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await agent.restart();
    expect(agent.orders.unfinished()).toContain(order.run);
    await agent.orders.cancel({ type: 'cancel', fence: 1, run: order.run });
    await fs.writeFile(agent.path('gate'), 'go on\n');
    expect(await agent.result(order.run)).toMatchObject({
      state: 'succeeded',
      message: expect.stringContaining(`changed: ${TOOL} 1.0 → 2.0`),
    });
    expect(installed()).toBe('ii 2.0');
    expect(readFileSync(agent.path('effect'), 'utf8')).toBe('1.0\n2.0\n');
    expect(readFileSync(CONFIGURATION, 'utf8')).toBe('edited\n');
  });

  it('is downgraded by an order that says so, and by no other', async () => {
    expect(await run('install', `${TOOL}=1.0`)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('it would downgrade packages'),
    });
    expect(await run('downgrade', `${TOOL}=1.0`)).toMatchObject({
      ...{ state: 'succeeded', message: `changed: ${TOOL} 2.0 → 1.0` },
    });
  });

  /** All of it ends in the middle of its change, as with the host’s power. */
  async function cut(order: Order): Promise<void> {
    await agent.take(order);
    expect(await fs.readFile(agent.path('started'), 'utf8')).toBe('begun\n');
    const path = join(agent.state, 'runs', order.run, FACTS.claim);
    const { pid } = (JSON.parse(readFileSync(path, 'utf8')) as { supervisor: ProcessMark })
      .supervisor;
    const groups = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    process.kill(pid, 'SIGKILL');
    for (const group of groups) process.kill(-Number(group), 'SIGKILL');
  }

  it('whose transaction the host’s end has cut is configured when it is back', async () => {
    const order = agent.order(work('install', `${CUT}=1.0`));
    await cut(order);
    expect(installed(CUT)).toBe('iF 1.0');
    await agent.restart({ bootId: 'another' });
    expect(await agent.result(order.run)).toMatchObject({
      state: 'lost',
      message: expect.stringMatching(/^the host went down while it ran; .* with exit code 0$/),
    });
    expect(installed(CUT)).toBe('ii 1.0');
    await agent.restart({ bootId: await readBootId() });
  });

  it('that anything else has left half done is configured before the next order', async () => {
    await cut(agent.order(work('upgrade', CUT)));
    expect(installed(CUT)).toBe('iF 2.0');
    const order = agent.order(work('install', `${TOOL}=1.0`));
    await agent.take(order);
    expect(await agent.result(order.run)).toMatchObject({ state: 'succeeded' });
    expect(agent.textOf(order.run)).toContain('what a transaction left half done was configured');
    expect(installed(CUT)).toBe('ii 2.0');
  });

  it('is removed, and nothing that the order does not name', async () => {
    expect(await run('remove', TOOL)).toMatchObject({
      state: 'failed',
      message: `nothing was changed: it would also remove what the order does not name: ${USER}`,
    });
    expect(await run('remove', TOOL, USER)).toMatchObject({
      ...{ state: 'succeeded', message: `changed: ${TOOL} 1.0 → (none), ${USER} 1.0 → (none)` },
    });
    expect(await run('remove', TOOL)).toMatchObject({ message: 'changed: nothing' });
  });
});

describe.skipIf(!canUseDnf())('a package of dnf', () => {
  let agent: TestAgent;

  beforeAll(async () => {
    agent = await TestAgent.start();
    const supervisor = await makeDnfRepository(agent.directory, [
      { name: 'tool', version: '1.0' },
      { name: 'tool', version: '2.0' },
      { name: 'user', version: '1.0', requires: 'tool' },
    ]);
    await agent.restart({ supervisor });
  });
  afterAll(() => agent.remove());

  it('is installed, upgraded, kept from a downgrade and removed as the order says', async () => {
    const results = [];
    for (const given of [
      work('install', 'tool=1.0-1', 'user'),
      work('upgrade', 'tool'),
      work('install', 'tool=1.0-1'),
      work('remove', 'tool'),
      work('remove', 'tool', 'user'),
    ]) {
      const { state, message } = await agent.run(given);
      results.push(`${state}: ${message}`);
    }
    expect(results).toEqual([
      'succeeded: changed: tool (none) → 1.0-1, user (none) → 1.0-1',
      'succeeded: changed: tool 1.0-1 → 2.0-1',
      'failed: nothing was changed: it would downgrade packages, which only "downgrade" may',
      'failed: nothing was changed: it would also remove what the order does not name: user',
      'succeeded: changed: tool 2.0-1 → (none), user 1.0-1 → (none)',
    ]);
  });

  it('is asked for without the packages that an order does not name', () => {
    const security = { ...work('upgrade'), onlySecurity: true };
    expect(dnf.simulate(security).args.join(' ')).toBe('--assumeno upgrade --security');
    expect(dnf.change(work('remove', 'tool=2.0'), 0).args.join(' ')).toBe(
      '--assumeyes remove --noautoremove tool',
    );
  });
});
