// `halflap serve` where something stands in its way: it says why and ends, or serves without it.

import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startNats } from '../../bench/src/nats.js';
import { createWorkspace } from '../../packages/cli/test/run-cli.js';
import { until } from './job-cluster.js';
import { openTestStore, type TestStore } from './store.js';

const workspace = createWorkspace();
const taken = createServer();
let test: TestStore;

beforeAll(async () => {
  test = await openTestStore(1);
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  taken.close();
  await test.drop();
  workspace.remove();
});

function configure(server: string): void {
  workspace.write('secret', `${'0f'.repeat(32)}\n`);
  const shards = `[{ name: s1, url: "${test.shards[0]?.url}" }]`;
  workspace.write('halflap.yaml', `app: halflap\nshards: ${shards}\nserver: { ${server} }\n`);
}

interface Ready {
  readonly ready: boolean;
  readonly bus: { readonly linked: boolean };
}

const at = (listen: number, agents: number) =>
  ['serve', '--listen', `127.0.0.1:${listen}`, '--agents', `127.0.0.1:${agents}`] as const;

it('ends, and says so, where another has its port', async () => {
  const { port } = taken.address() as { port: number };
  configure('secret_file: secret');
  for (const args of [at(0, port), at(port, 0)]) {
    const { code, stderr } = await workspace.start(args).ended;
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('error CONFIG_INVALID: cannot listen on');
  }
});

it('starts while its NATS is away, says so, and is ready as soon as that is there', async () => {
  const nats = await startNats();
  try {
    await nats.kill();
    configure(`secret_file: secret, nats: "${nats.url}"`);
    const server = workspace.start(at(0, 0));
    const [, address] = await server.shows(/people and programs +(http:\S+)/);
    const ask = async () => {
      const answer = await fetch(`${address}/readyz`);
      return { status: answer.status, ...((await answer.json()) as Ready) };
    };
    const bus = { driver: 'nats', linked: false, following: false };
    expect(await ask()).toMatchObject({ status: 503, ready: false, bus });
    await nats.restart();
    await until(ask, ({ ready }) => ready);
    expect(await ask()).toMatchObject({ status: 200, bus: { linked: true, following: true } });
    await nats.kill();
    await until(ask, (answer) => !answer.bus.linked);
    expect(await ask()).toMatchObject({ status: 200, bus: { linked: false, following: true } });
    server.signal('SIGTERM');
    expect((await server.ended).code).toBe(0);
  } finally {
    await nats.stop();
  }
});
