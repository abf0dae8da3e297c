// The demonstration as a user runs it, with few rows: a process, its exit code, and its report.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REQUIRED_STATES, type Report } from './demo/report.js';

const MAIN = fileURLToPath(new URL('../dist/demo/main.js', import.meta.url));

/** The machine of a test may be slow and busy; the demonstration has no deadlines of its own. */
const PATIENCE_MS = 600_000;

let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'demo-test-'));
  // Where the tests run as root, servers run as another user, and else go elsewhere.
  await chmod(directory, 0o755);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

/** The demonstration makes its directories where TMPDIR says. */
function demo(...args: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, '--yes', ...args], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  return { child, output: () => output };
}

describe('the demonstration', () => {
  it('upgrades the fleet under load, and loses nothing', { timeout: PATIENCE_MS }, async () => {
    const file = join(directory, 'report.json');
    // A tenth of the load that it shows to people, so that two cores are not busy with that alone.
    const load = ['--rows', '300', '--seconds', '0.5', '--seed', '7', '--pace-ms', '150'];
    const run = demo(...load, '--report', file);
    const [code] = await once(run.child, 'close');
    const report: Report = JSON.parse(await readFile(file, 'utf8'));
    expect(report, run.output()).toMatchObject({
      servers: 3,
      shards: 3,
      rows: 300,
      seed: 7,
      failedStatements: 0,
      lostWrites: 0,
      phantomWrites: 0,
      divergentRows: 0,
      contradictoryReads: 0,
      stoppedBy: null,
      evidence: [],
    });
    const states = report.mixedStates.map((state) => `${state.release} ${state.phase}`);
    expect(states).toEqual(expect.arrayContaining([...REQUIRED_STATES]));
    // The operator's processes are named host/process/random.
    const operator = expect.stringContaining('/');
    expect(report.preparedBy).toEqual({
      eu1: [operator],
      us1: ['app1', 'app1'],
      ap1: ['app1'],
    });
    expect(report.acknowledgedWrites).toBeGreaterThan(500);
    expect(run.output()).toContain('Everything held.');
    expect(code).toBe(0);
    expect(await readdir(directory)).toEqual(['report.json']);
  });

  it('leaves nothing behind when it is interrupted', { timeout: PATIENCE_MS }, async () => {
    const run = demo('--rows', '300', '--seconds', '0.5', '--pace-ms', '150');
    for await (const chunk of run.child.stdout) if (String(chunk).includes('act 1')) break;
    run.child.kill('SIGINT');
    const [code] = await once(run.child, 'exit');
    expect(code).toBe(1);
    expect((await readdir(directory)).filter((name) => name !== 'report.json')).toEqual([]);
  });

  it('refuses an option that it does not understand', async () => {
    const run = demo('--rows', 'many');
    const [code] = await once(run.child, 'close');
    expect(code).toBe(2);
    expect(run.output()).toContain('--rows takes a number from 50 to 10000000, found many');
  });
});
