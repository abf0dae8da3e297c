import { expect, it } from 'vitest';
import { aboutSeconds, durationText } from './words';

it('says what was chosen exactly, and an estimate as people read it', () => {
  expect([90, 120, 3600].map(durationText)).toEqual(['90 s', '2 min', '1 h']);
  const estimates = [0.4, 59.4, 61, 3599, 7489].map(aboutSeconds);
  expect(estimates).toEqual(['0 s', '59 s', '1 min', '1 h', '2 h 5 min']);
});
