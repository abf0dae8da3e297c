import { describe, expect, it } from 'vitest';
import { type End, routeOf, type Standing } from './upgrade-route.js';

const LINE = [
  { from: '1.0', to: '2.0' },
  { from: '2.0', to: '3.0' },
];

const standing = (phase: Standing['phase'], floor: string, ceiling = floor): Standing => ({
  phase,
  floor,
  ceiling,
});

/** `prepare 2.0, expand 2.0`; null where there is no way. */
function way(from: Standing, to: string, until: End = 'settled', line = LINE): string | null {
  const route = routeOf(from, { to, until }, line);
  return route?.map((one) => `${one.verb} ${one.to}`).join(', ') ?? null;
}

describe('routeOf', () => {
  it('leads through every release in between', () => {
    expect(way(standing('settled', '1.0'), '3.0')).toBe(
      'prepare 2.0, expand 2.0, contract 2.0, prepare 3.0, expand 3.0, contract 3.0',
    );
  });

  it.each([
    ['prepared', 'expand 2.0, contract 2.0'],
    ['expanding', 'expand 2.0, contract 2.0'],
    ['dual', 'contract 2.0'],
    ['contracting', 'contract 2.0'],
  ] as const)('goes on from %s', (phase, left) => {
    expect(way(standing(phase, '1.0', '2.0'), '2.0')).toBe(left);
  });

  it('ends the last evolution where it is told to, and no other', () => {
    expect(way(standing('dual', '1.0', '2.0'), '3.0', 'dual')).toBe(
      'contract 2.0, prepare 3.0, expand 3.0',
    );
    expect(way(standing('settled', '2.0'), '3.0', 'prepared')).toBe('prepare 3.0');
  });

  it('has nothing left where the goal is reached or passed', () => {
    expect(way(standing('settled', '3.0'), '3.0')).toBe('');
    expect(way(standing('dual', '2.0', '3.0'), '3.0', 'dual')).toBe('');
    expect(way(standing('dual', '2.0', '3.0'), '3.0', 'prepared')).toBe('');
    expect(way(standing('contracting', '2.0', '3.0'), '3.0', 'dual')).toBe('');
  });

  it('leaves an evolution that an abort has begun to leave to the verb, which refuses', () => {
    expect(way(standing('expanding', '1.0', '1.0'), '2.0')).toBe('expand 2.0, contract 2.0');
  });

  it('finds no way back, none past what is at hand, and none out of another evolution', () => {
    expect(way(standing('settled', '3.0'), '2.0')).toBeNull();
    expect(way(standing('settled', '1.0'), '4.0')).toBeNull();
    expect(way(standing('dual', '1.0', '1.5'), '3.0')).toBeNull();
    const circle = [...LINE, { from: '3.0', to: '1.0' }];
    expect(way(standing('settled', '1.0'), '4.0', 'settled', circle)).toBeNull();
  });
});
