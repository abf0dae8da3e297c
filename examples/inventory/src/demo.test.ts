// `npm start -- --yes` as a user runs it, with few rows: a process, its exit code, and its report.

import { describe, expect, it } from 'vitest';
import { start } from '../../../test/console/start.js';
import { REQUIRED_STATES } from './demo/report.js';

/** The machine of a test may be slow and busy; the demonstration has no deadlines of its own. */
const PATIENCE_MS = 600_000;

// A tenth of the load that it shows to people, so that two cores are not busy with that alone.
const SMALL = ['--rows', '300', '--seconds', '0.5', '--pace-ms', '150', '--port', '0'];

describe('the demonstration', () => {
  it('upgrades the fleet under load, and loses nothing', { timeout: PATIENCE_MS }, async () => {
    const run = await start('--yes', '--seed', '7', ...SMALL);
    const { code, report } = await run.ended();
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
    // By either server of Halflap: in the first campaign, and in the second.
    const campaign = expect.stringMatching(/^campaign \S+ on (one|two) /);
    const twice = [campaign, campaign];
    expect(report.preparedBy).toEqual({ eu1: twice, us1: twice, ap1: twice });
    expect(report.campaigns).toEqual([
      { goal: 'upgraded', state: 'finished', steps: 6, done: 6 },
      { goal: 'back', state: 'finished', steps: 4, done: 4 },
      { goal: 'upgraded', state: 'finished', steps: 15, done: 15 },
    ]);
    expect(report.acknowledgedWrites).toBeGreaterThan(500);
    expect(run.output()).toContain('Everything held.');
    expect(code).toBe(0);
    expect(await run.left()).toEqual([]);
    await run.remove();
  });

  it('leaves nothing behind when it is interrupted', { timeout: PATIENCE_MS }, async () => {
    const run = await start('--yes', ...SMALL);
    // Servers of Halflap are starting.
    await run.shows(/the operator takes the shards in/);
    const { code } = await run.end();
    expect(code).toBe(1);
    expect(await run.left()).toEqual([]);
    await run.remove();
  });

  it('refuses an option that it does not understand', async () => {
    const run = await start('--rows', 'many');
    await run.shows(/--rows takes a number from 50 to 10000000, found many/);
    await run.remove();
    expect(run.process.exitCode).toBe(2);
  });
});
