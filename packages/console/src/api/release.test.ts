import { describe, expect, it } from 'vitest';
import { skewOf } from './release';

describe('skewOf', () => {
  it('tells a newer server from an older one, part by part', () => {
    expect(skewOf('1.9.0', '1.10.0')).toEqual({ kind: 'newer', server: '1.10.0' });
    expect(skewOf('2.0.0', '1.10.3')).toEqual({ kind: 'older', server: '1.10.3' });
    expect(skewOf('2.0.0', '2.0.0')).toEqual({ kind: 'same' });
  });

  it('says nothing of an answer that says nothing', () => {
    expect(skewOf('2.0.0', null)).toEqual({ kind: 'same' });
  });
});
