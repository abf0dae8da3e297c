// `halflap serve` where it cannot run: it says why, and ends.

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

it('ends, and says so, where another has its port', async () => {
  const { port } = taken.address() as { port: number };
  workspace.write('secret', `${'0f'.repeat(32)}\n`);
  const [shard] = test.shards;
  workspace.write(
    'halflap.yaml',
    `app: halflap\nshards: [{ name: s1, url: "${shard?.url}" }]\nserver: { secret_file: secret }\n`,
  );
  const at = (listen: number, agents: number) =>
    ['serve', '--listen', `127.0.0.1:${listen}`, '--agents', `127.0.0.1:${agents}`] as const;
  for (const args of [at(0, port), at(port, 0)]) {
    const { code, stderr } = await workspace.start(args).ended;
    expect(code, stderr).toBe(2);
    expect(stderr).toContain('error CONFIG_INVALID: cannot listen on');
  }
});
