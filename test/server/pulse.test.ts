// Whether a shard answers now: known within a second, however many want to know, and though what
// was found out before is kept for a moment.

import { createPulse, PULSE_MS } from '@halflap/server';
import { expect, inject, it } from 'vitest';
import { openGate } from '../../bench/src/app/gate.js';

it('finds a shard gone, silent and back within a second, and asks it once a second', async () => {
  const gate = await openGate(inject('serverUrl'));
  let nowMs = 0;
  const shards = [
    { name: 'near', url: inject('serverUrl') },
    { name: 'far', url: gate.url },
  ];
  const pulse = createPulse(shards, () => nowMs);
  const later = async () => {
    nowMs += PULSE_MS;
    return [...(await pulse.ask())];
  };
  try {
    expect(await later()).toEqual(['near', 'far']);
    gate.set('shut');
    // Within the same second nobody is asked again.
    expect([...(await pulse.ask())]).toEqual(['near', 'far']);
    expect(await later()).toEqual(['near']);
    gate.set('open');
    expect(await later()).toEqual(['near', 'far']);
    // Its connection breaks, and it is there all the same.
    gate.set('shut');
    gate.set('open');
    expect(await later()).toEqual(['near', 'far']);
    gate.set('silent');
    expect(await later()).toEqual(['near']);
  } finally {
    await pulse.close();
    await gate.close();
  }
});
