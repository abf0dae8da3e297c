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
          ...(added.length === 0 ? [] : [`${added.length} of its shipped rows are added`]),
          ...(changed.length === 0
            ? []
            : [`${changed.length} are changed where the customer has not changed them`]),
        ];
        if (counts.length === 0) return [];
        const seen = olds.length === 0 ? '' : `; release ${places.from} sees them`;
        return [`by prepare ${counts.join(', ')}${seen}`];
      }),
    ...shipped.left
      .filter((one) => one.table === plan.new)
      .map(({ rows, why }) => `its ${rows} shipped row(s) come with an install alone: ${why}`),
  ];
  return notes.length === 0 ? plan : { ...plan, notes: [...plan.notes, ...notes] };
}
