// `halflap serve` where something stands in its way: it says why and ends, or serves without it.

import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createWorkspace } from '../../packages/cli/test/run-cli.js';
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

it('serves while its NATS is away', async () => {
  configure('secret_file: secret, nats: "nats://127.0.0.1:1"');
  const server = workspace.start(at(0, 0));
  await server.shows('people and programs');
  server.signal('SIGTERM');
  expect((await server.ended).code).toBe(0);
});
