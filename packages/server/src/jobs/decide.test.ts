// What a job does next, case by case.

import { describe, expect, it } from 'vitest';
import { type Decided, decide } from './decide.js';
import type { Group } from './job.js';
import type { RunState } from './run.js';

const JOB: Decided = {
  ...{ state: 'running', stop_kind: null, total: 10, batches: 2, concurrency: 3, stop_after: 2 },
};

/** Runs that are alike; those of a batch that has had its turn, unless it is said otherwise. */
function runs(batch: number, state: RunState, count: number, rest: Partial<Group> = {}): Group {
  return { batch, state, count, hasTurn: true, isReady: false, ...rest };
}

const next = (groups: readonly Group[], job: Partial<Decided> = {}, isWhole = true) =>
  decide({ ...JOB, ...job }, { groups, isWhole, isLate: false });

const later = runs(1, 'waiting', 5, { hasTurn: false, isReady: true });

describe('decide', () => {
  it('begins with the first batch, as many as may run at once', () => {
    const first = runs(0, 'waiting', 5, { hasTurn: false, isReady: true });
    expect(next([first, later])).toEqual({ stop: null, turn: 0, places: 3, isOver: false });
  });

  it('keeps to a batch until it is over, and counts what is under way', () => {
    const under = [runs(0, 'succeeded', 3), runs(0, 'sent', 1), runs(0, 'running', 1), later];
    expect(next(under)).toMatchObject({ turn: 0, places: 1 });
    const ready = [runs(0, 'succeeded', 4), runs(0, 'waiting', 1, { isReady: true }), later];
    expect(next(ready)).toMatchObject({ turn: 0, places: 3 });
    expect(next([runs(0, 'succeeded', 4), runs(0, 'failed', 1), later])).toMatchObject({ turn: 1 });
  });

  it('goes on past a host that is offline', () => {
    expect(next([runs(0, 'succeeded', 4), runs(0, 'waiting', 1), later])).toMatchObject({
      ...{ turn: 1, places: 3 },
    });
  });

  it('stops after failures; a host that was offline is none', () => {
    const some = [runs(0, 'succeeded', 2), runs(0, 'expired', 2), runs(0, 'lost', 1), later];
    expect(next(some)).toMatchObject({ stop: null, turn: 1 });
    const more = [runs(0, 'succeeded', 3), runs(0, 'refused', 1), runs(0, 'timed_out', 1), later];
    expect(next(more)).toMatchObject({ stop: { kind: 'failures' }, turn: -1, places: 0 });
    expect(next(more, { stop_after: null })).toMatchObject({ stop: null, turn: 1 });
  });

  it('stops when its time is over, also what is being stopped by failures', () => {
    const known = { groups: [later], isWhole: true, isLate: true };
    expect(decide(JOB, known).stop?.kind).toBe('timeout');
    const stopping = { ...JOB, state: 'stopping' } as const;
    expect(decide({ ...stopping, stop_kind: 'failures' }, known).stop?.kind).toBe('timeout');
    expect(decide({ ...stopping, stop_kind: 'cancelled' }, known).stop).toBeNull();
  });

  it('is over when all shards have answered, and every host has ended', () => {
    const all = [runs(0, 'succeeded', 5), runs(1, 'failed', 1), runs(1, 'expired', 4)];
    expect(next(all).isOver).toBe(true);
    expect(next(all, {}, false).isOver).toBe(false);
    expect(next(all.slice(1)).isOver).toBe(false);
    expect(next([...all.slice(1), runs(0, 'sent', 5)]).isOver).toBe(false);
  });

  it('releases nothing while it sees runs twice', () => {
    expect(next([runs(0, 'succeeded', 7), later])).toMatchObject({ turn: -1, places: 0 });
  });
});
