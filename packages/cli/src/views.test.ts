// What people see: bars and lines of progress, the fleet, colours, and numbers.

import { PassThrough } from 'node:stream';
import { blocksOf, type Progress } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { choose } from './bundles.js';
import { parseDuration, wholeNumber } from './duration.js';
import { count, createPrinter, duration, printError, type Streams } from './print.js';
import { progressLine } from './progress-line.js';
import { createProgressView } from './progress-view.js';
import { statusText, statusView } from './status-view.js';
import { table } from './table.js';

const PROGRESS: Progress = {
  shard: 'eu1',
  verb: 'expand',
  step: 'expand/fill',
  title: 'fill hosts',
  relation: 'hosts',
  rowsDone: 12_000,
  rowsEstimated: 30_000,
  rowsPerSecond: 4500,
  secondsLeft: 4,
  batchRows: 500,
  waitingFor: null,
};

afterEach(() => vi.unstubAllEnvs());

describe('progress', () => {
  it('is a line of its own every few seconds where there is no terminal', () => {
    const seen = capture();
    let now = 0;
    const view = createProgressView(createPrinter(false, seen.streams), () => now);
    view.log('expand/fill: fill hosts', 'eu1');
    view.update(PROGRESS);
    now = 6000;
    view.update(PROGRESS);
    view.update({ ...PROGRESS, waitingFor: 'standby s1, 12 s behind' });
    view.stop();
    expect(seen.stdout()).toBe('');
    expect(seen.stderr()).toBe(
      'eu1 expand/fill: fill hosts\n' +
        'eu1 expand/fill: 12 000 of about 30 000 rows, 4 500 rows/s, 4.0s left\n' +
        'eu1 expand/fill: 12 000 of about 30 000 rows, 4 500 rows/s, 4.0s left; ' +
        'waiting for standby s1, 12 s behind\n',
    );
  });

  it('is a bar on a terminal, which lines do not break', () => {
    const seen = capture({ isTerminal: true });
    const view = createProgressView(createPrinter(false, seen.streams));
    view.update(PROGRESS);
    view.log('done', 'eu1');
    view.stop();
    view.stop();
    expect(seen.stderr()).toMatch(/ 40% 12 000 of about 30 000 rows.*\n.*eu1 done\n/s);
  });

  it('is one JSON value a line with --json', () => {
    const seen = capture({ isTerminal: true });
    const view = createProgressView(createPrinter(true, seen.streams));
    view.update(PROGRESS);
    view.log('done', 'eu1');
    view.stop();
    expect(seen.stderr()).toBe('');
    const lines = seen.stdout().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { event: 'progress', ...PROGRESS },
      { event: 'log', shard: 'eu1', message: 'done' },
    ]);
  });

  it('never shows more rows done than there are', () => {
    const seen = capture({ isTerminal: true });
    const view = createProgressView(createPrinter(false, seen.streams));
    view.update({ ...PROGRESS, rowsDone: 40_000, rowsEstimated: 0, secondsLeft: null });
    view.stop();
    expect(seen.stderr()).toContain('100% 40 000 of about 40 000 rows');
  });
});

describe('the line of progress', () => {
  const long = {
    ...PROGRESS,
    shard: 'frankfurt-1',
    step: 'expand/fill-host_heartbeats',
    rowsDone: 12_345_678,
    rowsEstimated: 30_000_000,
    secondsLeft: 7500,
  };
  const strained = { ...long, waitingFor: 'replication: a standby is 12.3 s behind' };

  it.each([
    [60, PROGRESS, 'eu1 40% 12 000 of about 30 000 rows, 4 500 rows/s, 4.0s left'],
    [
      80,
      PROGRESS,
      'eu1 ████████░░░░░░░░░░░ 40% 12 000 of about 30 000 rows, 4 500 rows/s, 4.0s left',
    ],
    [
      100,
      PROGRESS,
      'eu1 expand/fill ██████████░░░░░░░░░░░░░░ 40% ' +
        '12 000 of about 30 000 rows, 4 500 rows/s, 4.0s left',
    ],
    [60, long, 'frankfurt-1 41% 12 345 678 of about 30 000 000 rows'],
    [80, long, 'frankfurt-1 41% 12 345 678 of about 30 000 000 rows, 4 500 rows/s, 2h05m left'],
    [
      100,
      long,
      'frankfurt-1 █████████░░░░░░░░░░░░░ 41% ' +
        '12 345 678 of about 30 000 000 rows, 4 500 rows/s, 2h05m left',
    ],
    [
      140,
      long,
      'frankfurt-1 expand/fill-host_heartbeats ██████████░░░░░░░░░░░░░░ 41% ' +
        '12 345 678 of about 30 000 000 rows, 4 500 rows/s, 2h05m left',
    ],
    [60, strained, 'frankfurt-1 41%; waiting for replication: a standby is 12.3…'],
    [80, strained, 'frankfurt-1 41%; waiting for replication: a standby is 12.3 s behind'],
    [
      140,
      strained,
      'frankfurt-1 ████░░░░░ 41% 12 345 678 of about 30 000 000 rows, ' +
        '4 500 rows/s, 2h05m left; waiting for replication: a standby is 12.3 s behind',
    ],
    [
      60,
      { ...PROGRESS, relation: null, waitingFor: 'open transactions: session 4711, open for 1h' },
      'eu1: waiting for open transactions: session 4711, open for …',
    ],
  ])('leaves out at %i columns what matters least', (width, progress, line) => {
    expect(progressLine(progress, width)).toBe(line);
  });

  it('is never longer than the terminal is wide', () => {
    const shards = ['a', 'eu1', 'a-shard-with-a-name-that-nobody-would-want-to-type-twice'];
    for (let width = 60; width <= 200; width += 1) {
      for (const progress of [PROGRESS, long, strained, { ...strained, relation: null }]) {
        for (const shard of shards) {
          const line = progressLine({ ...progress, shard }, width);
          expect([...line].length).toBeLessThanOrEqual(width);
        }
      }
    }
  });
});

describe('colours', () => {
  it('appear on a terminal only, and never with NO_COLOR', () => {
    const error = new HalflapError('PAUSED', 'shard eu1 is paused', { hint: 'resume it' });
    vi.stubEnv('NO_COLOR', '');
    vi.stubEnv('TERM', 'xterm');
    const print = (isTerminal: boolean) => {
      const seen = capture({ isTerminal });
      expect(printError(error, false, seen.streams)).toBe(3);
      return seen.stderr();
    };
    expect(print(true)).toContain('\u001b[31merror PAUSED:');
    expect(print(false)).toBe('error PAUSED: shard eu1 is paused\nhint: resume it\n');
    vi.stubEnv('NO_COLOR', '1');
    expect(print(true)).toBe('error PAUSED: shard eu1 is paused\nhint: resume it\n');
  });
});

describe('an error', () => {
  it('is printed with its evidence, but not twice', () => {
    const seen = capture();
    const detail = { evidence: ['web-1 holds a lease', 'f:1:1: wrong'] };
    const error = new HalflapError('CONTRACT_REFUSED', 'refused: f:1:1: wrong', { detail });
    printError(error, false, seen.streams);
    expect(seen.stderr()).toBe(
      'error CONTRACT_REFUSED: refused: f:1:1: wrong\n  web-1 holds a lease\n',
    );
  });

  it('that is none of ours ends with 1 and the place in the code', () => {
    const seen = capture();
    expect(printError(new TypeError('not a list'), false, seen.streams)).toBe(1);
    expect(seen.stderr()).toMatch(/^error INTERNAL_DEFECT: not a list\nhint: .*\n\s+at /);
  });
});

describe('the fleet', () => {
  it('shows releases, servers by release, and every reason', () => {
    const lease = { instance: 'i', renewed_at: new Date(0), expires_at: new Date(1) } as const;
    const view = statusView('eu1', 'fleet', {
      reachable: true,
      error: null,
      hint: null,
      state: null,
      running: null,
      runner: null,
      features: [],
      sessions: [],
      leases: [
        { ...lease, server: 'web-1', release: '1.0', mode: 'native' },
        { ...lease, server: 'web-2', release: '1.0', mode: 'native' },
        { ...lease, server: 'web-3', release: '2.0', mode: 'lens' },
      ],
      quarantined: 3,
      differences: 0,
      blocked: 'paused by an operator',
    });
    const printer = createPrinter(false, capture().streams);
    const text = statusText([{ ...view, floor: '1.0', ceiling: '2.0', phase: 'dual' }], printer);
    expect(text.split('\n')).toEqual([
      'SHARD  FLOOR  CEILING  PHASE  PROGRESS  SERVERS            BLOCKED',
      'eu1    1.0    2.0      dual             1.0: web-1, web-2  paused by an operator',
      '                                        2.0 (lens): web-3  3 rows in quarantine',
      '1 shard: 1 dual',
    ]);
  });
});

describe('the bundle of a shard', () => {
  const steps = [
    { from: '1.0', to: '1.1' },
    { from: '1.1', to: '2.0' },
  ];
  it.each([
    [{ floor: '1.0', ceiling: '1.0' }, 'prepare', '1.1'],
    [{ floor: '1.1', ceiling: '1.1' }, 'prepare', '2.0'],
    [{ floor: '1.1', ceiling: '1.1' }, 'contract', '1.1'],
    [{ floor: '1.1', ceiling: '2.0' }, 'contract', '2.0'],
    [{ floor: '2.0', ceiling: '2.0' }, 'expand', '2.0'],
    [{ floor: '3.0', ceiling: '3.0' }, 'prepare', undefined],
    [null, 'prepare', undefined],
  ] as const)('at %j, for %s, leads to %s', (position, verb, to) => {
    expect(choose(steps, position, verb)?.to).toBe(to);
  });

  it('is the only one where nothing is known of the shard', () => {
    expect(choose(steps.slice(0, 1), null, 'prepare')?.to).toBe('1.1');
  });
});

describe('small forms', () => {
  it('are the same everywhere', () => {
    expect([0, 999, 1000, 1_234_567].map(count)).toEqual(['0', '999', '1 000', '1 234 567']);
    expect([-1, 0.3, 9.96, 200, 7500].map(duration)).toEqual([
      '0.0s',
      '0.3s',
      '10s',
      '3m20s',
      '2h05m',
    ]);
    expect(['90s', '2h', '1h30m', '1d'].map(parseDuration)).toEqual([
      90_000, 7_200_000, 5_400_000, 86_400_000,
    ]);
    expect(table(['a', 'b'], [['x', 'y\nz']])).toBe('A  B\nx  y\n   z');
  });

  it.each(['', '5', 'h', '1h 30m', '-1s', '1.5h'])('refuse the duration %j', (text) => {
    expect(() => parseDuration(text)).toThrow('Expected a duration');
  });

  it.each(['', '-1', '1.5', '11', 'x'])('refuse the number %j', (text) => {
    expect(() => wholeNumber(0, 10)(text)).toThrow('from 0 to 10');
  });

  it('say what a lock keeps others from', () => {
    expect(blocksOf('ACCESS EXCLUSIVE')).toBe('reads and writes');
    expect(blocksOf('SHARE ROW EXCLUSIVE')).toBe('writes');
    expect(blocksOf('SHARE UPDATE EXCLUSIVE')).toBe('maintenance');
    expect(blocksOf('ROW EXCLUSIVE')).toBe('nothing');
    expect(blocksOf(null)).toBe('nothing');
  });
});

function capture({ isTerminal = false } = {}) {
  const texts = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => {
    const pipe = new PassThrough();
    pipe.on('data', (chunk) => {
      texts[name] += chunk;
    });
    const terminal = {
      isTTY: isTerminal,
      columns: 200,
      cursorTo: () => true,
      clearLine: () => true,
    };
    return Object.assign(pipe, terminal) as unknown as NodeJS.WriteStream;
  };
  const streams: Streams = { stdout: stream('stdout'), stderr: stream('stderr') };
  return { streams, stdout: () => texts.stdout, stderr: () => texts.stderr };
}
