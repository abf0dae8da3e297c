// How a shard gets to a release: through which evolutions, and by which verb next. Pure: decided
// from where the shard says that it is, each time anew, so that it does not matter who has moved it
// so far.

import type { Phase, Verb } from '@halflap/protocol';

export interface Leg {
  readonly from: string;
  readonly to: string;
}

/** Where a shard is. */
export interface Standing {
  readonly floor: string;
  readonly ceiling: string;
  readonly phase: Phase;
}

export const ENDS = ['prepared', 'dual', 'settled'] as const;

/** How far the last evolution is led. */
export type End = (typeof ENDS)[number];

export interface Goal {
  readonly to: string;
  readonly until: End;
}

/** The verbs by which an evolution is led to each end. */
const VERBS: Readonly<Record<End, readonly Verb[]>> = {
  prepared: ['prepare'],
  dual: ['prepare', 'expand'],
  settled: ['prepare', 'expand', 'contract'],
};

/** What has been reached in a phase, and needs no verb any more. */
const REACHED: Readonly<Record<Phase, readonly Verb[]>> = {
  settled: [],
  prepared: ['prepare'],
  expanding: ['prepare'],
  dual: ['prepare', 'expand'],
  contracting: ['prepare', 'expand'],
};

/** A verb with the evolution that it is about. */
export interface Stage extends Leg {
  readonly verb: Verb;
}

/**
 * The verbs that are left, in order; none where the goal is reached or passed. Null where the
 * evolutions at hand do not lead there.
 */
export function routeOf(
  standing: Standing,
  { to, until }: Goal,
  evolutions: readonly Leg[],
): readonly Stage[] | null {
  const stages: Stage[] = [];
  let at = standing.floor;
  let done = REACHED[standing.phase];
  // Each turn leads to another release, or there is no way.
  for (const _ of [null, ...evolutions]) {
    if (at === to) return stages;
    // An abort has the floor as its ceiling as soon as it has fenced the newer release.
    const isOpen = done.length === 0 || standing.ceiling === standing.floor;
    const leg = evolutions.find(
      (one) => one.from === at && (isOpen || one.to === standing.ceiling),
    );
    if (leg === undefined) return null;
    const verbs = VERBS[leg.to === to ? until : 'settled'];
    const { from } = leg;
    const left = verbs.filter((verb) => !done.includes(verb));
    stages.push(...left.map((verb) => ({ verb, from, to: leg.to })));
    at = leg.to;
    done = [];
  }
  return null;
}
