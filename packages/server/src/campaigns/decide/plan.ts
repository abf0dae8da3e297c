// In which order a cluster is upgraded, or taken back: the shortest that is safe, or the operator's
// own where it is. A plan is tried on the world as it would become, step by step, before anybody is
// asked to approve it.

import { createHash } from 'node:crypto';
import { type Refusal, refusalsOf } from './safety.js';
import { after, idOf, isDone, type Step } from './steps.js';
import type { World } from './world.js';

export interface Order {
  /** Goes first, alone; default: the first that is declared. */
  readonly canaryServer?: string;
  readonly canaryShard?: string;
  /** Servers that may be away at once; default 1. */
  readonly maxUnavailable: number;
  /** Ids of steps that are to be carried out though they look done. */
  readonly owed?: ReadonlySet<string>;
}

/** Where a campaign leads. `expanded`: as far as everything can still go back. */
export type Goal = 'upgraded' | 'expanded' | 'back';

export interface PlannedStep {
  readonly id: string;
  readonly step: Step;
  /** Steps of one batch may go on at the same time; the next begins when all of it has ended. */
  readonly batch: number;
  /** Why it needs an approval of its own; null: that of the plan is enough. */
  readonly ownApproval: string | null;
}

export interface Plan {
  readonly goal: Goal;
  readonly steps: readonly PlannedStep[];
}

/** The shortest safe order from here; steps that are done already are not in it. */
export function propose(world: World, goal: Goal, order: Order): Plan {
  const batches = goal === 'back' ? wayBack(world, order) : wayOn(world, goal, order);
  const left = batches
    .map((steps) => steps.filter((step) => !isDone(step, world) || order.owed?.has(idOf(step))))
    .filter((steps) => steps.length > 0);
  return { goal, steps: left.flatMap((steps, batch) => steps.map((step) => planned(step, batch))) };
}

/**
 * An operator's own order, each step a batch of its own.
 * @param steps may leave out what is done
 */
export function inOrder(goal: Goal, steps: readonly Step[]): Plan {
  return { goal, steps: steps.map((step, batch) => planned(step, batch)) };
}

function planned(step: Step, batch: number): PlannedStep {
  const isLast = step.kind === 'shard' && step.action === 'contract';
  return { id: idOf(step), step, batch, ownApproval: isLast ? 'nothing leads back from it' : null };
}

function wayOn(world: World, goal: Goal, order: Order): readonly (readonly Step[])[] {
  const [canary, ...shards] = shardsOf(world, order);
  if (canary === undefined) return serverBatches(world, 'upgrade', order);
  const all = (action: 'prepare' | 'expand' | 'verify' | 'contract'): Step[][] =>
    [canary, ...shards].map((name) => [{ kind: 'shard', name, action }]);
  const expansions = [canary, ...shards].flatMap((name): Step[][] => [
    [{ kind: 'shard', name, action: 'expand' }],
    [{ kind: 'shard', name, action: 'verify' }],
  ]);
  const upTo = [...all('prepare'), ...serverBatches(world, 'upgrade', order), ...expansions];
  return goal === 'expanded' ? upTo : [...upTo, ...all('contract')];
}

function wayBack(world: World, order: Order): readonly (readonly Step[])[] {
  const shards = shardsOf(world, order).map((name): Step[] => [
    { kind: 'shard', name, action: 'abort' },
  ]);
  return [...serverBatches(world, 'downgrade', order), ...shards];
}

function serverBatches(
  world: World,
  action: 'upgrade' | 'downgrade',
  { canaryServer, maxUnavailable }: Order,
): Step[][] {
  const names = world.servers.filter((one) => !one.isExcluded).map(({ name }) => name);
  const [first, ...rest] = frontFirst(names, canaryServer);
  if (first === undefined) return [];
  const batches = [[first]];
  for (let at = 0; at < rest.length; at += maxUnavailable) {
    batches.push(rest.slice(at, at + maxUnavailable));
  }
  return batches.map((some) => some.map((name): Step => ({ kind: 'server', name, action })));
}

function shardsOf({ shards }: World, { canaryShard }: Order): readonly string[] {
  const names = shards.filter((one) => !one.isExcluded).map(({ name }) => name);
  return frontFirst(names, canaryShard);
}

function frontFirst(names: readonly string[], first: string | undefined): readonly string[] {
  const others = names.filter((name) => name !== first);
  return first === undefined || others.length === names.length ? names : [first, ...others];
}

export interface Tried {
  /** The first step that is not safe when its turn comes; null: the plan leads to its end. */
  readonly unsafe: { readonly id: string; readonly refusals: readonly Refusal[] } | null;
  /** The cluster as it is then. */
  readonly world: World;
}

/**
 * Takes a plan through, on paper. What only time shows is assumed to be well: rows in quarantine,
 * a verify that passes.
 */
export function tryOut({ steps }: Plan, world: World): Tried {
  let at = world;
  for (const { id, step } of steps) {
    const refusals = refusalsOf(step, at);
    if (refusals.length > 0) return { unsafe: { id, refusals }, world: at };
    at = after(step, at);
  }
  return { unsafe: null, world: at };
}

/** What an approval is bound to: a plan, and all that it was made from. */
export function digestOf(plan: Plan, bound: object): string {
  const text = JSON.stringify([plan.goal, plan.steps.map(({ id, batch }) => [id, batch]), bound]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
