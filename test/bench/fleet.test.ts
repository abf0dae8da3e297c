// npm run fleet in small: three servers that are killed, a shard that is cut off, and its verdict.
// HALFLAP_SEED replays the choices of one run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../docs/page.js';

const PROGRAM = join(ROOT, 'bench/dist/fleet/main.js');
const AGENTS = 24;
/** Longer than the program itself has patience, on a machine that is slow and busy. */
const TIMEOUT_MS = 6 * 60_000;
/** A commit is judged by the same choices each time; others are looked for by longer runs. */
const SEED = process.env.HALFLAP_SEED ?? (process.env.CI === undefined ? null : '953582613');

it('a cluster keeps its promises though each server is killed and a shard cut off', {
  timeout: TIMEOUT_MS,
}, async () => {
  const seed = SEED === null ? [] : ['--seed', SEED];
  const args = [PROGRAM, '--agents', String(AGENTS), '--quick', ...seed];
  // What servers say of the shard that is away is not this test's.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  const [exitCode] = await once(child, 'close');
  expect(exitCode, said).toBe(0);
  expect(said.match(/^kept /gm), said).toHaveLength(6);
  expect(said.match(/^server \w+ is killed/gm), said).toHaveLength(3);
  expect(said.match(/^shard \w+ is cut off/gm), said).toHaveLength(1);
});
