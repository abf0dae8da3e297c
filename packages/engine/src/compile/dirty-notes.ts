// What the plan says of rows of the old release that break a rule of a new table.

import type { DirtyPolicy } from '../release/evolution.js';
import { ruleOf } from '../release/evolution-dirty.js';
import type { RelationPlan } from './bundle.js';
import type { Evolving } from './compile.js';
import { unguaranteed } from './guarantees.js';

/** The plan of a relation with what is stated of its rows. */
export function withPolicies(plan: RelationPlan, { evolution }: Evolving): RelationPlan {
  const own = evolution.dirty.filter((one) => one.table === plan.new);
  if (own.length === 0) return plan;
  const isLossy = own.some((one) => one.kind === 'default');
  return {
    ...plan,
    label: isLossy ? 'lossy' : plan.label,
    notes: [...plan.notes, ...own.map(noteOf)],
  };
}

function noteOf(policy: DirtyPolicy): string {
  const { kind, column, constraint } = policy;
  const breaks = column === null ? `that break ${constraint}` : `without a value for ${column}`;
  switch (kind) {
    case 'default': {
      const values = Object.entries(policy.values).map(([one, value]) => `${one} = ${value.sql}`);
      return (
        `rows of the old release ${breaks} have ${values.join(', ')} for the new one; ` +
        'what they hold goes at contract'
      );
    }
    case 'refuse':
      return (
        `rows of the old release ${breaks} keep a shard from being prepared and expanded; ` +
        'those that come later go to quarantine'
      );
    case 'quarantine':
      return `rows of the old release ${breaks} go to quarantine`;
    default:
      return kind satisfies never;
  }
}

/** Rules of a new table that rows of the old release may break, without those with a default. */
export function unmetRules(
  part: Parameters<typeof unguaranteed>[0],
  base: Parameters<typeof unguaranteed>[1],
  dirty: readonly DirtyPolicy[],
): number {
  const own = dirty.filter((one) => one.kind === 'default' && one.table === part.table.name);
  const met = new Set(own.map(ruleOf));
  const { notNull, ...rules } = unguaranteed(part, base);
  const table = part.table.name;
  return [
    ...notNull.map((one) => ruleOf({ table, column: one.name, constraint: null })),
    ...Object.values(rules)
      .flat()
      .map((one) => ruleOf({ table, column: null, constraint: one.name })),
  ].filter((one) => !met.has(one)).length;
}
