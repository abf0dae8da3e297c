// What the plan says of the rows that the new release ships.

import type { RelationPlan } from './bundle.js';
import type { Evolving } from './compile.js';

/** The plan of a relation with how many rows come to it, and when. */
export function withShipped(plan: RelationPlan, { shipped, places }: Evolving): RelationPlan {
  const notes = [
    ...shipped.carried
      .filter((one) => one.table.name === plan.new)
      .flatMap(({ added, changed, olds }) => {
        const counts = [
          ...(added.length === 0 ? [] : [`adds ${added.length}`]),
          ...(changed.length === 0 ? [] : [`changes ${changed.length} that no customer has`]),
        ];
        if (counts.length === 0) return [];
        const seen = olds.length === 0 ? '' : `; release ${places.from} sees it`;
        return [`of the rows that it ships, prepare ${counts.join(' and ')}${seen}`];
      }),
    ...shipped.left
      .filter((one) => one.table === plan.new)
      .map(
        ({ rows, why }) => `the rows that it ships (${rows}) come with an install alone: ${why}`,
      ),
  ];
  return notes.length === 0 ? plan : { ...plan, notes: [...plan.notes, ...notes] };
}
