// Orders as a server gives them, to real programs, by real supervisors.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { checkAgentFrame, MAX_FRAME_BYTES } from '@halflap/protocol/agent';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markOf } from './liveness.js';
import { command, shell, signed, TestAgent } from './testing/test-agent.js';

const SEED = Number(process.env.HALFLAP_TEST_SEED ?? Date.now() % 2 ** 31);

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.start({ limits: { graceMs: 300 } });
});

afterEach(async () => {
  await agent.remove();
  for (const frame of agent.told) expect(checkAgentFrame(frame)).toMatchObject({ ok: true });
});

describe('a command', () => {
  it('is told from its begin to its end, in order', async () => {
    const order = agent.order(shell('echo out; echo err >&2; exit 3'));
    expect(await agent.take(order)).toBeNull();
    expect(await agent.result(order.run)).toMatchObject({
      ...{ state: 'failed', exitCode: 3, signal: null, outputBytes: 8, droppedBytes: 0 },
      message: '/bin/sh ended with exit code 3',
    });
    expect(agent.told.map(({ type }) => type)).toEqual(['begun', 'output', 'output', 'ended']);
    expect(agent.piecesOf(order.run).map(({ number }) => number)).toEqual([0, 1]);
    const streams = agent.piecesOf(order.run).map(({ stream, text }) => [stream, text]);
    expect(Object.fromEntries(streams)).toEqual({ stdout: 'out\n', stderr: 'err\n' });
  });

  it('gets its arguments as they are, its directory, and nothing of our environment', async () => {
    process.env.HALFLAP_SECRET = 'known to the agent alone';
    const script = 'printf "%s|" "$@"; pwd; env';
    const order = agent.order({
      ...command('/bin/sh', '-c', script, 'sh', '$(id)', ' *', ''),
      ...{ directory: '/usr', environment: { GREETING: 'hello world' } },
    });
    await agent.take(order);
    await agent.result(order.run);
    delete process.env.HALFLAP_SECRET;
    const [first, ...variables] = agent.textOf(order.run).trimEnd().split('\n');
    expect(first).toBe('$(id)| *||/usr');
    const names = variables.map((line) => line.split('=')[0]).sort();
    const own = ['GREETING', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'PWD', 'SHELL', 'USER'];
    expect(names).toEqual(expect.arrayContaining(own));
    expect(names.filter((name) => !own.includes(name ?? '') && name !== '_')).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('runs as another user, with his groups alone', async () => {
    const order = agent.order({ ...shell('id -un; id -Gn; echo $HOME'), user: 'nobody' });
    await agent.take(order);
    expect(await agent.result(order.run)).toMatchObject({ state: 'succeeded' });
    expect(agent.textOf(order.run)).toBe('nobody\nnogroup\n/nonexistent\n');
  });

  it('that cannot be started says why', async () => {
    const wrong = [
      { ...command('/no/such/program') },
      { ...shell('true'), user: 'no-such-user' },
      { ...shell('true'), directory: '/no/such/directory' },
    ];
    const messages = [];
    for (const work of wrong) messages.push((await agent.run(work)).message);
    expect(messages).toEqual([
      'there is no program /no/such/program',
      'there is no user no-such-user on this host',
      'there is no directory /no/such/directory',
    ]);
  });

  it('writes more than it may: what is kept is whole, what is left out is counted', async () => {
    const limit = 1024 * 1024;
    // 10 MB of lines whose characters have one to four bytes.
    const script = `yes 'aä€😀' | head -c ${10 * limit}; printf '\\377\\376' >&2`;
    const order = agent.order(shell(script), { outputLimitBytes: limit });
    await agent.take(order);
    const pieces = await agent.until(() => {
      const told = agent.piecesOf(order.run);
      void agent.orders.outputKept({ type: 'output_kept', run: order.run, below: told.length });
      return agent.endsOf(order.run).length > 0 && told;
    });
    const { outputBytes, droppedBytes } = await agent.result(order.run);
    const text = agent.textOf(order.run);
    expect(outputBytes).toBe(10 * limit + 6);
    expect(Buffer.byteLength(text)).toBe(outputBytes - droppedBytes);
    expect(limit - Buffer.byteLength(text)).toBeLessThan(4);
    expect(text.replaceAll('aä€😀\n', '')).toMatch(/^(a(ä(€)?)?)?$/);
    expect(pieces.map(({ number }) => number)).toEqual(pieces.map((_, index) => index));
    const longest = Math.max(...pieces.map((piece) => JSON.stringify(piece).length));
    expect(longest).toBeLessThan(MAX_FRAME_BYTES);
  });
});

describe('an order', () => {
  it('that is known is not run again: what became of it is told', async () => {
    const order = agent.order(shell(`echo once >> ${agent.path('effect')}`));
    await agent.take(order);
    const result = await agent.result(order.run);
    await agent.take(order);
    await agent.until(() => agent.endsOf(order.run).length === 2);
    await agent.orders.resultKept({ type: 'result_kept', run: order.run });
    await agent.restart();
    expect(agent.orders.unfinished()).toEqual([]);
    expect(agent.endsOf(order.run)).toHaveLength(2);
    await agent.take(order);
    await agent.until(() => agent.endsOf(order.run).length === 3);
    expect(agent.endsOf(order.run).map((frame) => frame.result)).toEqual([result, result, result]);
    expect(readFileSync(agent.path('effect'), 'utf8')).toBe('once\n');
  });

  it('that breaks a rule is refused by its name, and leaves nothing behind', async () => {
    const good = () => agent.order(shell(`touch ${agent.path('effect')}`));
    const frame = signed(good());
    const cases = [
      ['signature', { ...frame, signature: signed(good()).signature }],
      ['signature', { ...frame, order: frame.order.replace('touch', 'tauch') }],
      ['signature', { ...frame, key: 'k2' }],
      ['signature', { ...frame, signature: '' }],
      ['shape', signed('no JSON')],
      ['shape', signed({ ...good(), format: 2 as 1 })],
      ['shape', signed({ ...good(), work: { ...shell('true'), environment: { 'a=b': '' } } })],
      ['shape', signed({ ...good(), work: shell('true\0') })],
      [
        'shape',
        signed({
          ...good(),
          work: { ...shell('true'), user: 'nobody', environment: { LD_PRELOAD: '/x.so' } },
        }),
      ],
      ['host', signed({ ...good(), host: good().run })],
      ['begin_before', signed({ ...good(), beginBefore: '2001-01-01T00:00:00Z' })],
    ] as const;
    for (const [rule, hostile] of cases) {
      expect(await agent.orders.take(hostile)).toMatchObject({ rule });
    }
    await agent.allow('allow: { packages: true }');
    expect(await agent.take(good())).toMatchObject({ rule: 'policy' });
    await agent.allow('allow:\n  command: { progams: [/bin/sh] }\n');
    expect(await agent.take(good())).toMatchObject({
      rule: 'policy',
      message: expect.stringContaining('policy.yaml:2:14: unknown key "progams"'),
    });
    await expect(fs.access(agent.path('effect'))).rejects.toMatchObject({ code: 'ENOENT' });
    const refusals = agent.told.map((told) => told.type === 'ended' && told.result.state);
    // All but the text that names no run, and the two that the policy does not allow.
    expect(refusals).toEqual(Array(cases.length - 1 + 2).fill('refused'));
  });

  it(`that was changed anywhere is not believed (seed ${SEED})`, async () => {
    const frame = signed(agent.order(shell('true')));
    let random = SEED;
    for (let round = 0; round < 200; round += 1) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const at = random % frame.order.length;
      const other = String.fromCharCode(frame.order.charCodeAt(at) ^ (1 + (random >>> 28)));
      const order = frame.order.slice(0, at) + other + frame.order.slice(at + 1);
      expect(await agent.orders.take({ ...frame, order })).toMatchObject({ rule: 'signature' });
    }
    expect(await fs.readdir(`${agent.state}/runs`)).toEqual([]);
  });

  it('of which the signed text is known is not touched by one with a wrong signature', async () => {
    const order = agent.order(shell('true'));
    await agent.take(order);
    await agent.result(order.run);
    const hostile = { ...signed(order), signature: '' };
    expect(await agent.orders.take(hostile)).toMatchObject({ rule: 'signature' });
    expect(agent.endsOf(order.run)).toHaveLength(1);
  });

  it('waits for its turn, and is cancelled there without a start', async () => {
    await agent.restart({ limits: { concurrentRuns: 1, graceMs: 300 } });
    const first = agent.order(shell(`read line < ${agent.path('gate')}`));
    const second = agent.order(shell(`touch ${agent.path('effect')}`));
    execFileSync('mkfifo', [agent.path('gate')]);
    for (const order of [first, second]) await agent.take(order);
    await agent.orders.cancel({ type: 'cancel', fence: 1, run: second.run });
    expect(await agent.result(second.run)).toMatchObject({ state: 'cancelled', startedAt: null });
    const unknown = agent.order(shell('true'));
    await agent.orders.cancel({ type: 'cancel', fence: 1, run: unknown.run });
    expect(await agent.result(unknown.run)).toMatchObject({ state: 'cancelled' });
    await fs.writeFile(agent.path('gate'), 'go on\n');
    expect(await agent.result(first.run)).toMatchObject({ state: 'succeeded' });
    await expect(fs.access(agent.path('effect'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused when its output would have no room, which kept output gives back', async () => {
    const megabyte = 1024 * 1024;
    await agent.restart({ limits: { diskBytes: 2 * megabyte } });
    const loud = () => agent.order(shell(`head -c ${megabyte} /dev/zero`));
    const first = loud();
    await agent.take(first);
    await agent.orders.outputKept({ type: 'output_kept', run: first.run, below: 1000 });
    await agent.result(first.run);
    expect(await agent.take(loud())).toMatchObject({ rule: 'room' });
    await agent.orders.resultKept({ type: 'result_kept', run: first.run });
    expect(await agent.take(loud())).toBeNull();
  });

  it('is forgotten a day after a server has kept all of it, when it could not begin', async () => {
    let now = Date.now();
    await agent.restart({ clock: { now: () => now } });
    const beginBefore = new Date(now + 3600_000).toISOString();
    const orders = [agent.order(shell('echo a'), { beginBefore }), agent.order(shell('echo b'))];
    for (const order of orders) {
      await agent.take(order);
      await agent.result(order.run);
      await agent.orders.outputKept({ type: 'output_kept', run: order.run, below: 1 });
      await agent.orders.resultKept({ type: 'result_kept', run: order.run });
    }
    now += 3 * 24 * 3600_000;
    await agent.restart();
    expect(await fs.readdir(`${agent.state}/runs`)).toEqual([orders[1]?.run]);
  });
});

describe('the end of a run', () => {
  /** A program that ignores SIGTERM and has a grandchild that does so, too. */
  const stubborn = () => {
    const lives = `trap '' TERM; echo $$ >> ${agent.path('pids')}; `;
    const grandchild = `sh -c '${lives.replaceAll("'", `'"'"'`)} while :; do sleep 1; done' & `;
    return shell(`${lives}${grandchild} echo begun; while :; do sleep 1; done`);
  };
  const alive = async () => {
    const pids = readFileSync(agent.path('pids'), 'utf8').trim().split('\n');
    const marks = await Promise.all(pids.map((pid) => markOf(Number(pid))));
    return marks.filter((mark) => mark !== null);
  };

  it('comes to its whole process group, by force when it does not listen', async () => {
    const order = agent.order(stubborn());
    await agent.take(order);
    await agent.until(() => agent.textOf(order.run) === 'begun\n');
    await agent.orders.cancel({ type: 'cancel', fence: 1, run: order.run });
    expect(await agent.result(order.run)).toMatchObject({
      ...{ state: 'cancelled', exitCode: null, signal: 'SIGKILL' },
      message: 'a server asked for its end: /bin/sh was ended by SIGKILL (9)',
    });
    expect(await alive()).toEqual([]);
  });

  it('comes when its time is over', async () => {
    const order = agent.order(stubborn(), { timeoutSeconds: 1 });
    await agent.take(order);
    expect(await agent.result(order.run)).toMatchObject({ state: 'timed_out', signal: 'SIGKILL' });
    expect(await alive()).toEqual([]);
  });

  it('takes along what the program has left in its group', async () => {
    const script = `sleep 600 & echo $! >> ${agent.path('pids')}`;
    expect(await agent.run(shell(script))).toMatchObject({ state: 'succeeded' });
    expect(await alive()).toEqual([]);
  });
});
