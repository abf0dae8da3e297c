import { describe, expect, it } from 'vitest';
import { locateByName } from './locate.js';

const keys = Array.from({ length: 3000 }, (_, at) => `key-${at}`);

describe('locateByName', () => {
  it('gives the same answer in every process and for every order of the names', () => {
    expect(locateByName('host-17', ['a', 'b', 'c'])).toBe('a');
    for (const key of keys) {
      expect(locateByName(key, ['c', 'a', 'b'])).toBe(locateByName(key, ['a', 'b', 'c']));
    }
  });

  it('spreads keys over all shards', () => {
    for (const name of ['a', 'b', 'c']) {
      const share = keys.filter((key) => locateByName(key, ['a', 'b', 'c']) === name).length;
      expect(share).toBeGreaterThan(800);
    }
  });

  it('moves keys only to a shard that is added', () => {
    for (const key of keys) {
      const after = locateByName(key, ['a', 'b', 'c', 'd']);
      if (after !== 'd') expect(after).toBe(locateByName(key, ['a', 'b', 'c']));
    }
  });
});
