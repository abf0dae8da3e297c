// Whether what is shown of a failing story is what it takes.

import { describe, expect, it } from 'vitest';
import { shorter } from './shrink.js';

describe('a story that fails', () => {
  it('loses whatever it fails without', async () => {
    const story = Array.from({ length: 50 }, (_, at) => at);
    let tries = 0;
    const fails = async (some: readonly number[]) => {
      tries += 1;
      return some.includes(3) && some.includes(31) && some.includes(32);
    };
    expect(await shorter(story, fails)).toEqual([3, 31, 32]);
    expect(tries).toBeLessThan(story.length);
  });
});
