// Which phases a shard passes through, and which verb may move it from which phase to which.
//
// | phase       | entered by               | left by         | invariant                     |
// |-------------|--------------------------|-----------------|-------------------------------|
// | settled     | install, abort, contract | prepare         | one layout, one release       |
// | prepared    | prepare                  | expand, abort   | old is the truth; lens stands |
// | expanding   | expand                   | expand, abort   | old is the truth; new fills   |
// | dual        | expand (verified)        | contract, abort | both are physical and equal   |
// | contracting | contract                 | contract        | the old release is fenced     |
//
// An abort leaves the phase as it is until it has taken all away; that the newer release is fenced
// meanwhile is told by the shard's ceiling, which is then its floor.
//
// Source: DESIGN section 4. A phase is written in the same transaction as what it describes.

export const PHASES = ['settled', 'prepared', 'expanding', 'dual', 'contracting'] as const;
export type Phase = (typeof PHASES)[number];

export const VERBS = ['prepare', 'expand', 'verify', 'contract', 'abort'] as const;
export type Verb = (typeof VERBS)[number];

/**
 * Phases from which a verb may start, and the phase in which it ends when it has run to its end.
 */
export const TRANSITIONS: Readonly<
  Record<Verb, { readonly from: readonly Phase[]; readonly to: Phase | 'unchanged' }>
> = {
  prepare: { from: ['settled'], to: 'prepared' },
  expand: { from: ['prepared', 'expanding'], to: 'dual' },
  verify: { from: ['dual'], to: 'unchanged' },
  contract: { from: ['dual', 'contracting'], to: 'settled' },
  abort: { from: ['prepared', 'expanding', 'dual'], to: 'settled' },
};

/**
 * Phases of an evolution that lie behind what a verb leads to. There it has nothing left to do, as
 * on a shard that is settled on the new release; so a script may be run again from its beginning.
 */
export const PASSED: Readonly<Record<Verb, readonly Phase[]>> = {
  prepare: ['expanding', 'dual', 'contracting'],
  expand: ['contracting'],
  // One layout is left: there is nothing to compare.
  verify: ['contracting'],
  contract: [],
  abort: [],
};

/**
 * How a server of the newer release sees a shard in each phase; `refused` has no relations at all.
 */
export function modeOfNewer(phase: Phase): 'refused' | 'lens' | 'native' {
  switch (phase) {
    case 'settled':
      return 'refused';
    case 'prepared':
    case 'expanding':
      return 'lens';
    case 'dual':
    case 'contracting':
      return 'native';
    default:
      return phase satisfies never;
  }
}
