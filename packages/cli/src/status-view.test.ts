// The table of `status`: every shard, every reason, at any width, and one line that sums it up.

import type { ShardStatus } from '@halflap/engine';
import type { Phase } from '@halflap/protocol';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { type StatusView, statusText, statusView, summaryText } from './status-view.js';

const NOTHING: ShardStatus = {
  reachable: true,
  error: null,
  hint: null,
  state: null,
  running: null,
  runner: null,
  leases: [],
  sessions: [],
  features: [],
  quarantined: 0,
  differences: 0,
  blocked: null,
};
const UNKNOWN = statusView('eu1', 'fleet', NOTHING);

const colors = picocolors.createColors(true);
const plain = picocolors.createColors(false);

function shard(name: string, phase: Phase, floor = '1.0'): StatusView {
  const ceiling = phase === 'settled' ? floor : '2.0';
  return { ...UNKNOWN, shard: name, app: 'fleet', floor, ceiling, phase };
}

function stateIn(phase: Phase, floor: string): NonNullable<ShardStatus['state']> {
  return {
    app: 'fleet',
    floor,
    ceiling: phase === 'settled' ? floor : '2.0',
    phase,
    bundle_hash: null,
    fingerprint: 'f',
    paused: false,
    batch_rows: 2000,
    pace_ms: 0,
    attempt: 1,
    changed_at: new Date(0),
  };
}

const dead = (name: string): StatusView => ({
  ...UNKNOWN,
  shard: name,
  reachable: false,
  error:
    'cannot connect to db-eu1.internal.example.com:5432, database inventory, as owner: ' +
    'password authentication failed for user "owner"',
});

const LONG = 'customer-emea-production-frankfurt-eu1-primary';

const FLEET: readonly StatusView[] = Array.from({ length: 50 }, (_, at) => {
  const name = at % 7 === 0 ? `${LONG}-${at}` : `eu${at}`;
  if (at % 10 === 9) return dead(name);
  const servers = Array.from({ length: 30 }, (__, server) => ({
    server: `web-${server + 1}.frankfurt.example.com`,
    release: server % 2 === 0 ? '1.0' : '2.0',
    mode: 'native' as const,
    expiresAt: new Date(0),
  }));
  return { ...shard(name, at % 2 === 0 ? 'dual' : 'settled'), servers };
});

describe('statusView', () => {
  it('tells a lens of the shard from one that each session brings along', () => {
    const at = { renewed_at: new Date(0), expires_at: new Date(0) };
    const lease = { ...at, instance: 'i', server: 'web-1', release: '2.0', mode: 'lens' } as const;
    const modes = (phase: Phase, floor: string) => {
      const state = stateIn(phase, floor);
      const leases = [lease, { ...lease, release: '1.0', mode: 'native' } as const];
      const view = statusView('eu1', 'fleet', { ...NOTHING, state, leases });
      const text = statusText([view], { colors: plain, width: Number.POSITIVE_INFINITY });
      expect(text).toContain(`2.0 (${view.servers[0]?.mode}): web-1`);
      return view.servers.map((one) => one.mode);
    };
    expect(modes('settled', '1.0')).toEqual(['session lens', 'native']);
    expect(modes('prepared', '1.0')).toEqual(['lens', 'native']);
    // What has not said yet that it sees its tables.
    expect(modes('settled', '2.0')).toEqual(['lens', 'native']);
  });
});

describe('statusText', () => {
  it.each([80, 100, 120, 200])('fits into %i columns, and loses nothing', (width) => {
    for (const paint of [plain, colors]) {
      const text = statusText(FLEET, { colors: paint, width });
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with escape.
      const lines = text.replace(/\u001b\[\d+m/g, '').split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
      expect(lines[0]).toMatch(/^SHARD +FLOOR +CEILING +PHASE +PROGRESS +SERVERS +BLOCKED$/);
      const first = joined(lines, 'SHARD');
      for (const { shard: name } of FLEET) expect(first).toContain(name);
      const last = joined(lines, 'BLOCKED');
      expect(last.split('cannotconnecttodb-eu1.internal.example.com:5432')).toHaveLength(6);
      expect(last.split('passwordauthenticationfailedforuser"owner"')).toHaveLength(6);
    }
  });

  it('is as wide as it needs to be where there is no terminal', () => {
    const lines = statusText(FLEET, { colors: plain, width: Number.POSITIVE_INFINITY }).split('\n');
    expect(lines).toHaveLength(1 + 50 + 45 + 1);
    expect(lines.some((line) => line.endsWith(dead('x').error ?? ''))).toBe(true);
  });

  it('names the first servers of a release by their numbers, and counts the rest', () => {
    const text = statusText(FLEET.slice(0, 1), { colors: plain, width: 200 });
    const domain = '.frankfurt.example.com';
    const servers = [1, 3, 5, 7].map((at) => `web-${at}${domain}`).join(', ');
    expect(joined(text.split('\n'), 'SERVERS')).toContain(
      `1.0: ${servers} and 11 more`.replaceAll(' ', ''),
    );
  });

  it('says that a shard is of another application than halflap.yaml', () => {
    const state = stateIn('settled', '1.0');
    const view = statusView('eu1', 'fleeet', { ...NOTHING, state });
    expect(view).toMatchObject({
      app: 'fleet',
      blocked: 'holds fleet, but halflap.yaml says app: fleeet',
    });
    expect(statusView('eu1', 'fleet', { ...NOTHING, state }).blocked).toBe(null);
  });
});

describe('summaryText', () => {
  it('counts the shards by what they are, in the order of an upgrade', () => {
    const views = [
      dead('a'),
      shard('b', 'dual'),
      shard('d', 'settled', '2.0'),
      shard('c', 'settled'),
      shard('e', 'settled'),
      UNKNOWN,
      { ...UNKNOWN, error: 'shard e was written by a newer Halflap' },
      shard('f', 'prepared'),
    ];
    expect(summaryText(views)).toBe(
      '8 shards: 2 settled at 1.0, 1 settled at 2.0, 1 prepared, 1 dual, 1 unknown, ' +
        '1 unreadable, 1 unreachable',
    );
    expect(summaryText([shard('a', 'expanding')])).toBe('1 shard: 1 expanding');
  });
});

/** The cells of a column without white space, read downwards. */
function joined(lines: readonly string[], title: string): string {
  const head = lines[0] ?? '';
  const from = head.indexOf(title);
  const next = /\S/.exec(head.slice(from + title.length));
  const to = next === null ? undefined : from + title.length + next.index;
  return lines
    .slice(1, -1)
    .map((line) => line.slice(from, to).trim().replaceAll(' ', ''))
    .join('');
}
