// What a step would change besides itself: what can be done now and not after it, what can be done
// only after it, and whether there is a way back.

import { type Refusal, refusalsOf } from './safety.js';
import { after, allSteps, idOf, isDone, type Step } from './steps.js';
import { isAt, type World } from './world.js';

export interface WhatIf {
  readonly step: Step;
  /** What stands against it; then the rest says what would be if it did not. */
  readonly refusals: readonly Refusal[];
  /** Steps that it makes impossible, each with what stands against it then. */
  readonly closes: readonly { readonly id: string; readonly refusals: readonly Refusal[] }[];
  /** Ids of steps that it makes possible. */
  readonly opens: readonly string[];
  /** What a return costs after it; null: it is as it was before. */
  readonly pointOfNoReturn: string | null;
}

export function whatIf(step: Step, world: World): WhatIf {
  const then = after(step, world);
  const others = allSteps(world).filter((other) => idOf(other) !== idOf(step));
  const isOpen = (other: Step, at: World) =>
    !isDone(other, at) && refusalsOf(other, at).length === 0;
  const closes = others
    .filter((other) => isOpen(other, world) && !isDone(other, then))
    .map((other) => ({ id: idOf(other), refusals: refusalsOf(other, then) }))
    .filter(({ refusals }) => refusals.length > 0);
  const opens = others.filter((other) => !isOpen(other, world) && isOpen(other, then)).map(idOf);
  return {
    step,
    refusals: refusalsOf(step, world),
    closes,
    opens,
    pointOfNoReturn: costOf(step, world),
  };
}

function costOf({ kind, name, action }: Step, { from, to, servers }: World): string | null {
  if (kind === 'server' || action !== 'contract') return null;
  const old = servers.filter((server) => isAt(server, from)).length;
  const others = old === 0 ? '' : `; ${old} servers of ${from} would find it closed`;
  return (
    `from here ${name} serves ${to} alone, and no server can go back to ${from}${others}. ` +
    `What leads back is a backup of ${name} from before, without what was written since`
  );
}
