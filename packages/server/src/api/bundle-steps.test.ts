import type { Bundle, HeldLock } from '@halflap/engine/runner';
import { describe, expect, it } from 'vitest';
import { stepsView } from './bundle-steps.js';

const lock: HeldLock = {
  ...{ mode: 'ACCESS EXCLUSIVE', relation: 'items', isUsed: true, isOnlyMoved: false },
};
const many = Array.from({ length: 150 }, () => ({ sql: 'select 1', lock: null }));
const steps = {
  ...{ prepare: [], verify: [], contract: [], abort: [] },
  expand: [
    {
      ...{ kind: 'transaction', id: 'expand/switch', title: 'both are served', settles: null },
      ...{ entersPhase: 'dual', statements: [{ sql: 'x'.repeat(5000), lock }, ...many] },
    },
    { kind: 'barrier', id: 'expand/barrier', title: 'wait' },
  ],
};
const release = (version: string) => ({ version });
const data = {
  ...{ app: 'shop', hash: 'f00d', from: release('1.0'), to: release('2.0'), relations: [] },
  ...{ releaseSchema: 'shop_2_0', workSchema: 'halflap_shop_2_0', steps },
};

describe('the steps of a bundle', () => {
  it('say whom they hold up, where their statements were watched', () => {
    const seen = { locks: [lock], rewrites: ['items'], reads: [] };
    const bundle = { ...data, effects: { 'expand/switch': [seen] } } as unknown as Bundle;
    const { measured, verbs } = stepsView(bundle, ['expand']);
    expect(measured).toBe(true);
    expect(verbs[0]?.steps).toMatchObject([
      {
        ...{ label: 'rewrite', lock: 'ACCESS EXCLUSIVE', relation: 'items', undoneBy: 'abort' },
        lead: expect.stringMatching(/^blocks reads and writes of items .*; rewrites items; abort/),
      },
      { label: 'wait', lock: null, blocks: 'nothing' },
    ]);
  });

  it('claim nothing where nobody has watched, and are cut where they are long', () => {
    const { measured, verbs } = stepsView(data as unknown as Bundle, ['expand']);
    expect(measured).toBe(false);
    const [first] = verbs[0]?.steps ?? [];
    const held = { label: null, lead: null, lock: 'ACCESS EXCLUSIVE', blocks: 'reads and writes' };
    expect(first).toMatchObject({ ...held, more: 51 });
    expect(first?.statements).toHaveLength(100);
    expect(first?.statements[0]).toMatchObject({ text: 'x'.repeat(4000), cut: true });
  });
});
