// Hooks on paper: which are called, in which order, and what their answers mean. No database.

import { describe, expect, it } from 'vitest';
import type { Hook } from './hook-declaration.js';
import {
  type Call,
  type Called,
  holding,
  hooksAt,
  leaveOf,
  payloadOf,
  turnsOf,
  valuesOf,
} from './hooks.js';

const STEP = 'server/app1/upgrade';
const RUNS = new Set([`${STEP} 1`]);

function call(id: string, change: Partial<Call> = {}): Call & { give_up_at: Date | null } {
  return {
    ...{ id, step: STEP, attempt: 1, moment: 'before', hook: id, is_required: true },
    ...{ state: 'waiting', message: null, give_up_at: null, ...change },
  };
}

describe('hooks of a moment', () => {
  it('are those that name it, its kind of step or its action', () => {
    const hooks: Hook[] = [
      { name: 'all', when: 'before' },
      { name: 'servers', when: 'before', on: ['server'] },
      { name: 'contracts', when: 'before', on: ['contract', 'abort'] },
      { name: 'later', when: 'after' },
      { name: 'over', when: 'ended' },
    ];
    const names = (...asked: [Hook['when'], Parameters<typeof hooksAt>[2]]) =>
      hooksAt(hooks, ...asked).map(({ name }) => name);
    expect(names('before', { kind: 'server', action: 'upgrade' })).toEqual(['all', 'servers']);
    expect(names('before', { kind: 'shard', action: 'contract' })).toEqual(['all', 'contracts']);
    expect(names('after', { kind: 'shard', action: 'expand' })).toEqual(['later']);
    expect(names('ended', null)).toEqual(['over']);
  });
});

describe('the turn of a hook', () => {
  it('comes when the one before it has ended, each moment for itself', () => {
    const other = call('b', { step: 'shard/eu1/expand', moment: 'after' });
    const calls = [call('a1', { state: 'running' }), call('a2'), other];
    expect(turnsOf(calls, RUNS)).toEqual({ due: ['a1', 'b'], drop: [] });
    const later = [call('a1', { state: 'succeeded' }), call('a2'), other];
    expect(turnsOf(later, RUNS)).toEqual({ due: ['a2', 'b'], drop: [] });
  });

  it('does not come when one has said no, or when the attempt is over', () => {
    const said = [call('a1', { state: 'failed' }), call('a2')];
    expect(turnsOf(said, RUNS)).toEqual({ due: [], drop: ['a2'] });
    const only = [call('a1', { state: 'failed', is_required: false }), call('a2')];
    expect(turnsOf(only, RUNS)).toEqual({ due: ['a2'], drop: [] });
    const over = [call('a1', { state: 'running' }), call('a2')];
    expect(turnsOf(over, new Set([`${STEP} 2`]))).toEqual({ due: ['a1'], drop: ['a2'] });
    const after = [call('a1', { moment: 'failed' })];
    expect(turnsOf(after, new Set()), 'what has happened is told').toEqual({
      due: ['a1'],
      drop: [],
    });
  });
});

describe('a step', () => {
  const row = { id: STEP, attempt: 1 };

  it('begins when all have said yes, or were not required', () => {
    expect(leaveOf([call('a', { state: 'running' })], row)).toEqual({ isOpen: true, no: null });
    const yes = [call('a', { state: 'succeeded' }), call('b', { state: 'dropped' })];
    expect(leaveOf(yes, row)).toEqual({ isOpen: false, no: null });
    const asked = [call('a', { state: 'failed', is_required: false })];
    expect(leaveOf(asked, row)).toEqual({ isOpen: false, no: null });
    const no = [call('a', { state: 'failed' })];
    expect(leaveOf(no, row).no?.hook).toBe('a');
    expect(leaveOf(no, { ...row, attempt: 2 }), 'of another attempt').toEqual({
      ...{ isOpen: false, no: null },
    });
  });

  it('waits for the hooks of the one before', () => {
    const until = new Date(1000);
    const open = { moment: 'after', state: 'running', give_up_at: until } as const;
    const calls = [call('a'), { ...call('b'), ...open }];
    expect(holding(calls)).toEqual({ text: `the hook b after ${STEP}`, until });
    expect(holding([call('a')]), 'its own do not count').toBeNull();
  });
});

describe('what a hook is told', () => {
  it('is the campaign and the step', () => {
    const campaign: Called['campaign'] = {
      ...{ id: 'c1', goal: 'upgraded', from_release: '1.0', to_release: '2.0' },
      ...{ state: 'running', reason: null },
    };
    const step: Called['step'] = {
      ...{ id: STEP, kind: 'server', name: 'app1', action: 'upgrade' },
      ...{ attempt: 1, message: null },
    };
    const hook = { name: 'balancer', required: true };
    expect(payloadOf({ hook, moment: 'before', campaign, cluster: 'shop', step })).toEqual({
      ...{ event: 'before', hook: 'balancer', required: true, step },
      campaign: {
        ...{ id: 'c1', cluster: 'shop', goal: 'upgraded', from: '1.0', to: '2.0' },
        ...{ state: 'running', reason: null },
      },
    });
    expect(valuesOf(campaign, call('x'))).toEqual({
      ...{ id: 'x', event: 'before', campaign: 'c1', step: STEP, name: 'app1', action: 'upgrade' },
      ...{ release: '2.0', from: '1.0' },
    });
    const back = call('x', { step: 'shard/eu1/abort' });
    expect(valuesOf(campaign, back)).toMatchObject({ name: 'eu1', release: '1.0', from: '2.0' });
  });
});
