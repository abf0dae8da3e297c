// kill -9 of the agent at each step of its journal, of supervisors, and of the whole host as far as
// a process can tell; whatever happens, what an order does is done at most once.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Order } from '@halflap/protocol/agent';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FACTS, JOURNAL_FORMAT, keepOrder, openRuns } from './journal.js';
import { markOf } from './liveness.js';
import { CLUSTER_KEY, SUPERVISOR, shell, signed, TestAgent } from './testing/test-agent.js';

const PROGRAM = fileURLToPath(new URL('./testing/doomed-agent.mjs', import.meta.url));

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.start({ limits: { graceMs: 300 } });
});

afterEach(() => agent.remove());

const effects = () => readFileSync(agent.path('effect'), 'utf8');
const leaveEffect = () => shell(`echo done >> ${agent.path('effect')}`);
const fileOf = (order: Order, fact: string) => join(agent.state, 'runs', order.run, fact);

/** The agent in a process of its own, which kills itself at that line of its log. */
async function doomed(order: Order, at: number): Promise<NodeJS.Signals | null> {
  const given = {
    ...{ state: agent.state, host: agent.host, keys: [CLUSTER_KEY] },
    ...{ policyFile: agent.policyFile, frame: signed(order), at },
  };
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(given)], { stdio: 'inherit' });
  const [, signal] = await once(child, 'exit');
  return signal;
}

/** Kills the agent at every line in turn; after each, a server asks for the order again. */
async function killEverywhere(): Promise<string[]> {
  const survived: string[] = [];
  for (let at = 1; ; at += 1) {
    await fs.rm(agent.path('effect'), { force: true });
    const order = agent.order(leaveEffect());
    const signal = await doomed(order, at);
    await agent.restart();
    survived.push(agent.orders.unfinished().length === 0 ? 'nothing to do' : 'picked up');
    await agent.take(order);
    expect(await agent.result(order.run)).toMatchObject({ state: 'succeeded' });
    await agent.orders.resultKept({ type: 'result_kept', run: order.run });
    expect(effects(), `killed at line ${at}`).toBe('done\n');
    if (signal === null) return survived;
  }
}

describe('an agent killed by SIGKILL', () => {
  it('has run the order once, wherever it died', async () => {
    const steps = await killEverywhere();
    expect(steps).toEqual([
      // kept, begun, launched, ended, told, acknowledged; and one that lives on.
      'picked up',
      'picked up',
      'picked up',
      'picked up',
      'picked up',
      'nothing to do',
      'nothing to do',
    ]);
  });

  it('is followed by one that tells the output from where it was', async () => {
    execFileSync('mkfifo', [agent.path('gate')]);
    const order = agent.order(shell(`echo before; cat ${agent.path('gate')}; echo after`));
    expect(await doomed(order, 3)).toBe('SIGKILL');
    await agent.restart();
    await agent.until(() => agent.textOf(order.run) === 'before\n');
    await agent.orders.outputKept({ type: 'output_kept', run: order.run, below: 1 });
    await agent.restart();
    await fs.writeFile(agent.path('gate'), 'between\n');
    expect(await agent.result(order.run)).toMatchObject({ state: 'succeeded', outputBytes: 21 });
    expect(agent.textOf(order.run)).toBe('before\nbetween\nafter\n');
    expect(agent.piecesOf(order.run)[1]?.number).toBe(1);
  });

  it('does not begin what has become too late meanwhile', async () => {
    const beginBefore = '2031-01-01T00:00:00Z';
    const order = agent.order(leaveEffect(), { beginBefore });
    expect(await doomed(order, 2)).toBe('SIGKILL');
    await agent.restart({ clock: { now: () => Date.parse('2031-01-01T00:00:01Z') } });
    expect(await agent.result(order.run)).toMatchObject({
      state: 'refused',
      message: expect.stringContaining('begin_before'),
    });
    await expect(fs.access(agent.path('effect'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('leaves no half of a run', async () => {
    await fs.mkdir(join(agent.state, 'runs', '.beside-left'));
    await agent.restart();
    expect(await fs.readdir(join(agent.state, 'runs'))).toEqual([]);
  });
});

describe('a supervisor', () => {
  it('is the only one, however many there are', async () => {
    const order = agent.order(leaveEffect());
    const runs = join(agent.state, 'runs');
    await openRuns(runs);
    const { order: text, key, signature } = signed(order);
    const kept = { format: JOURNAL_FORMAT, order: text, key, signature, keptAt: '' };
    expect(await keepOrder(runs, order.run, kept)).toBe(true);
    expect(await keepOrder(runs, order.run, kept)).toBe(false);
    const begun = { format: JOURNAL_FORMAT, at: '', graceMs: 300, lockWaitSeconds: 1 };
    await fs.writeFile(fileOf(order, FACTS.begun), JSON.stringify(begun));
    const [program = '', ...args] = SUPERVISOR;
    const children = Array.from({ length: 4 }, () =>
      spawn(program, [...args, join(runs, order.run)]),
    );
    await Promise.all(children.map((child) => once(child, 'exit')));
    expect(effects()).toBe('done\n');
    await agent.restart();
    expect(await agent.result(order.run)).toMatchObject({ state: 'succeeded' });
  });

  it('that is killed leaves a run that is lost, and nothing that runs', async () => {
    const order = agent.order(
      shell(`echo $$; echo done >> ${agent.path('effect')}; exec sleep 600`),
    );
    await agent.take(order);
    const pid = Number(await agent.until(() => agent.textOf(order.run) || false));
    const claim = JSON.parse(readFileSync(fileOf(order, FACTS.claim), 'utf8'));
    process.kill(claim.supervisor.pid, 'SIGKILL');
    expect(await agent.result(order.run)).toMatchObject({
      state: 'lost',
      message: 'its supervisor was killed while it ran',
    });
    expect(await markOf(pid)).toBeNull();
    expect(effects()).toBe('done\n');
  });

  it('that the host has taken along leaves a run that is lost', async () => {
    const order = agent.order(shell('echo begun; exec sleep 600'));
    await agent.take(order);
    await agent.until(() => agent.textOf(order.run) !== '');
    const claim = JSON.parse(readFileSync(fileOf(order, FACTS.claim), 'utf8'));
    await agent.restart({ bootId: 'another' });
    expect(await agent.result(order.run)).toMatchObject({
      ...{ state: 'lost', message: 'the host went down while it ran', startedAt: claim.at },
    });
  });

  it('that does not start leaves a run that has failed, and nothing has acted', async () => {
    await agent.restart({ supervisor: ['/no/such/program'] });
    expect(await agent.run(leaveEffect())).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('could not be started'),
    });
    await agent.restart({ supervisor: ['/bin/true'], limits: { startPatienceMs: 0 } });
    expect(await agent.run(leaveEffect())).toMatchObject({
      ...{ state: 'failed', message: 'its supervisor did not start' },
    });
  });
});
