import { describe, expect, it } from 'vitest';
import { FactWatch } from '../../packages/agent/src/report/watch.js';
import { TestClock } from './clock.js';
import { Signals } from './signals.js';

function watching(look: (count: number) => Promise<boolean>) {
  const clock = new TestClock();
  const happened = new Signals<string>();
  let count = 0;
  const noted = (level: string) => (_: object, message: string) =>
    happened.push(`${level}: ${message}`);
  const watch = new FactWatch({
    look: () => {
      count += 1;
      happened.push(`look ${count}`);
      return look(count);
    },
    wake: () => happened.push('wake'),
    clock,
    random: () => 0.5,
    log: { debug: noted('debug'), info: noted('info'), warn: noted('warn'), error: noted('error') },
  });
  watch.start();
  return { clock, happened, watch };
}

describe('a watch on facts', () => {
  it('looks as often as it is told, and wakes when there is something to tell', async () => {
    const { clock, happened, watch } = watching(async (count) => count === 2);
    await clock.set.next((ms) => ms === 60_000);
    clock.advance(60_000);
    await clock.set.next();
    watch.every(300);
    clock.advance(60_000);
    await clock.set.next((ms) => ms === 300_000);
    // A shorter interval counts from now.
    watch.every(10);
    await clock.set.next((ms) => ms === 2000);
    clock.advance(2000);
    await clock.set.next((ms) => ms === 10_000);
    await watch.stop();
    expect(happened.all).toEqual(['look 1', 'look 2', 'wake', 'look 3', 'look 4']);
  });

  it('looks again when something changes meanwhile, and outlives a look that fails', async () => {
    let watch: FactWatch | undefined;
    const {
      clock,
      happened,
      watch: made,
    } = watching(async (count) => {
      if (count === 2) watch?.soon();
      if (count === 3) throw new Error('no more files');
      return false;
    });
    watch = made;
    await clock.set.next((ms) => ms === 60_000);
    watch.soon();
    // One look that comes soon stands for all that changes until then.
    watch.soon();
    for (let look = 2; look <= 3; look += 1) {
      await clock.set.next((ms) => ms === 2000);
      clock.advance(2000);
    }
    await clock.set.next((ms) => ms === 60_000);
    await watch.stop();
    expect(happened.all).toEqual([
      ...['look 1', 'look 2', 'look 3'],
      'error: this host could not be looked at',
    ]);
  });
});
