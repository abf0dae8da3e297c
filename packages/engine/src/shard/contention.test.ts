// How often and how long the runner asks again, as figures: pauses between attempts, the timeout of
// one attempt, the size of a batch; and how it says for how long somebody is in its way.

import { describe, expect, it } from 'vitest';
import { ageText } from './age.js';
import { pauseMs } from './contention.js';
import { clampRows, nextPageRows } from './pages.js';
import { timeoutAfter } from './transaction-step.js';

describe('the pause between two attempts', () => {
  it('doubles up to its limit, and stays there', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 100, 2000].map((attempt) => pauseMs(attempt, 500, 1));
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 500, 500, 500]);
  });

  it('is anything from its half to the whole, by chance', () => {
    expect([0, 0.5, 1].map((chance) => pauseMs(3, 500, chance))).toEqual([20, 30, 40]);
    expect([0, 1].map((chance) => pauseMs(50, 120, chance))).toEqual([60, 120]);
  });

  it('keeps below a limit that is shorter than the first pause', () => {
    expect(pauseMs(1, 5, 1)).toBe(5);
  });
});

describe('the lock timeout of an attempt', () => {
  it('doubles every twenty attempts, to eight times at most', () => {
    const timeouts = [1, 19, 20, 39, 40, 60, 79, 80, 200].map((n) => timeoutAfter(n, 60));
    expect(timeouts).toEqual([60, 60, 120, 120, 240, 480, 480, 480, 480]);
  });
});

describe('the size of a batch', () => {
  const bounds = { targetMs: 30, least: 50, most: 2000 };

  it('comes nearer to the time at which it aims: at most double, at least a quarter', () => {
    const next = (tookMs: number) => nextPageRows({ ...bounds, rows: 400, tookMs });
    expect([30, 20, 15, 1, 0].map(next)).toEqual([400, 600, 800, 800, 800]);
    expect([60, 120, 5000].map(next)).toEqual([200, 100, 100]);
  });

  it('keeps between the least and the most, and the most counts even below the least', () => {
    expect(nextPageRows({ ...bounds, rows: 1800, tookMs: 1 })).toBe(2000);
    expect(nextPageRows({ ...bounds, rows: 60, tookMs: 1000 })).toBe(50);
    expect(clampRows(500, { least: 50, most: 20 })).toBe(20);
    expect(clampRows(1, { least: 50, most: 20 })).toBe(20);
  });
});

describe('the age of what is in the way', () => {
  it('is told to the second, and with its days', () => {
    const ages = [0, 7.9, 61, 3600, 86_399, 86_400, 180_000].map(ageText);
    expect(ages).toEqual([
      '00:00:00',
      '00:00:07',
      '00:01:01',
      '01:00:00',
      '23:59:59',
      '1 d 00:00:00',
      '2 d 02:00:00',
    ]);
  });

  it('is none where clocks disagree', () => {
    expect(ageText(-0.2)).toBe('00:00:00');
  });
});
