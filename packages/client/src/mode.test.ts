import { PHASES, type Phase } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { type Asker, describeFacts, judge, type ShardFacts } from './mode.js';

const facts = (phase: Phase, more: Partial<ShardFacts> = {}): ShardFacts => ({
  app: 'app',
  floor: '1.0',
  ceiling: phase === 'settled' ? '1.0' : '2.0',
  phase,
  paused: false,
  fingerprint: 'one',
  min_reader: 1,
  may_be_temporary: true,
  is_read_only: false,
  has_register: true,
  role: 'clerk',
  database: '"Shop"',
  ...more,
});
const asker = (release: string, more: Partial<Asker> = {}): Asker => ({
  app: 'app',
  release,
  unregistered: 'refuse',
  lens: null,
  servers: null,
  ...more,
});
const modes = (release: string) =>
  Object.fromEntries(PHASES.map((phase) => [phase, judge(facts(phase), 's', asker(release)).mode]));

function lensFrom(version: string, impossible: string | null) {
  return { from: { version, fingerprint: 'one' }, sessionLens: { statements: [], impossible } };
}

describe('judge', () => {
  it('serves the floor release natively until the shard contracts', () => {
    expect(modes('1.0')).toEqual({
      settled: 'native',
      prepared: 'native',
      expanding: 'native',
      dual: 'native',
      contracting: 'refused',
    });
  });

  it('serves the newer release by a lens until the shard is dual, natively from then on', () => {
    expect(modes('2.0')).toEqual({
      settled: 'refused',
      prepared: 'lens',
      expanding: 'lens',
      dual: 'native',
      contracting: 'native',
    });
  });

  it('refuses releases that are neither floor nor ceiling, in every phase', () => {
    for (const release of ['0.9', '1.5', '3.0']) {
      expect(new Set(Object.values(modes(release)))).toEqual(new Set(['refused']));
    }
  });

  it('refuses the newer release as soon as an abort has fenced it', () => {
    const fenced = facts('dual', { ceiling: '1.0' });
    expect(judge(fenced, 's1', asker('1.0')).mode).toBe('native');
    expect(judge(fenced, 's1', asker('2.0'))).toMatchObject({
      mode: 'refused',
      reason: 'it returns to 1.0 and serves that only',
      hint: expect.stringContaining('halflap abort --shard s1'),
    });
  });

  it('says which verb or installation helps', () => {
    const hint = (shard: ShardFacts, release: string) => judge(shard, 's1', asker(release)).hint;
    expect(hint(facts('settled'), '2.0')).toContain('halflap prepare --shard s1');
    expect(hint(facts('dual'), '3.0')).toContain('--shard s1');
    expect(hint(facts('contracting'), '1.0')).toContain('install release 2.0');
    const two = facts('settled', { floor: '2.0', ceiling: '2.0' });
    expect(hint(two, '1.0')).toContain('install release 2.0');
    expect(judge(two, 's1', asker('1.10')).isPreparable).toBe(false);
    expect(judge(two, 's1', asker('2.10')).isPreparable).toBe(true);
  });

  it('does not offer to prepare a shard that an operator paused', () => {
    expect(judge(facts('settled', { paused: true }), 's', asker('2.0')).isPreparable).toBe(false);
  });

  it('serves a settled shard by a lens that the session brings along, and no other phase', () => {
    const lens = lensFrom('1.0', null);
    const modeIn = (phase: Phase, more?: Partial<ShardFacts>) =>
      judge(facts(phase, more), 's', asker('2.0', { lens })).mode;
    expect(PHASES.map((phase) => modeIn(phase))).toEqual([
      'session',
      'lens',
      'lens',
      'native',
      'native',
    ]);
    expect(modeIn('dual', { ceiling: '1.0' })).toBe('refused');
    expect(modeIn('settled', { floor: '0.9', ceiling: '0.9' })).toBe('refused');
    expect(modeIn('settled', { floor: '2.0', ceiling: '2.0' })).toBe('native');
  });

  it('says what keeps it from such a lens, and still offers to prepare', () => {
    const lens = lensFrom('1.0', null);
    const on = (more: Partial<ShardFacts>) =>
      judge(facts('settled', more), 's1', asker('2.0', { lens }));
    expect(on({ may_be_temporary: false })).toMatchObject({
      mode: 'refused',
      reason: expect.stringContaining('role clerk may not make'),
      hint: expect.stringMatching(
        /^grant temporary on database "Shop" to clerk; or halflap prepare/,
      ),
      isPreparable: true,
    });
    const impossible = { lens: lensFrom('1.0', 'its keys must last') };
    expect(judge(facts('settled'), 's1', asker('2.0', impossible))).toMatchObject({
      mode: 'refused',
      reason: expect.stringContaining('its keys must last'),
      isPreparable: true,
    });
    expect(on({ is_read_only: true })).toMatchObject({
      mode: 'refused',
      reason: expect.stringContaining('standby or read-only'),
      hint: 'halflap prepare --shard s1 (to 2.0), on the primary',
    });
    expect(on({ fingerprint: 'other' })).toMatchObject({
      mode: 'refused',
      reason: expect.stringContaining('another schema of 1.0'),
    });
  });

  it('refuses a shard of another application and one of a newer state format', () => {
    expect(judge(facts('settled', { app: 'other' }), 's', asker('1.0')).reason).toContain('other');
    const newer = judge(facts('settled', { min_reader: 99 }), 's', asker('1.0'));
    expect(newer.mode).toBe('refused');
    expect(newer.reason).toContain('format 99');
  });

  it('refuses an untouched database unless the server vouches for it', () => {
    const refused = judge(null, 's1', asker('1.0'));
    expect(refused.mode).toBe('refused');
    expect(refused.hint).toContain('halflap adopt VERSION --shard s1');
    expect(judge(null, 's1', asker('1.0', { unregistered: 'native' })).mode).toBe('native');
  });
});

describe('describeFacts', () => {
  it('names one release when settled and two in between', () => {
    expect(describeFacts(facts('settled'))).toBe('settled at 1.0');
    expect(describeFacts(facts('dual'))).toBe('dual, from 1.0 to 2.0');
    expect(describeFacts({ phase: null, floor: null, ceiling: null })).toBe('unregistered');
  });
});
