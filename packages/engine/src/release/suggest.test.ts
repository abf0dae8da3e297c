import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance, suggest } from './suggest.js';

describe('suggest', () => {
  it('finds the word that was meant', () => {
    expect(suggest('tabel', ['column', 'table', 'to'])).toBe('table');
    expect(suggest('HOSTS', ['hosts'])).toBe('hosts');
    expect(suggest('memory', ['id', 'memory_mb'])).toBe('memory_mb');
    expect(suggest('host_haertbeats', ['host_status', 'host_heartbeats'])).toBe('host_heartbeats');
  });

  it('finds nothing where nothing is close', () => {
    expect(suggest('invoice', ['hosts', 'owners'])).toBeNull();
    expect(suggest('x', ['table'])).toBeNull();
  });

  it('counts swaps of neighbours as one mistake', () => {
    expect(editDistance('tabel', 'table')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('names what there is when it is little', () => {
    expect(didYouMean('zzz', ['a', 'b'])).toBe('; there is "a", "b"');
    expect(didYouMean('zzz', [])).toBe('');
  });
});
