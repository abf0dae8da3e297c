// The steps of a bundle as the API shows them: the same that `halflap plan` prints, of a bundle
// that was uploaded. Long statements are cut, and what is left out is counted.

import {
  BLOCKS,
  type Bundle,
  labelOf,
  leadOf,
  type PlanNaming,
  planOf,
  readable,
  STEP_LABELS,
  type StatementView,
  type StepView,
} from '@halflap/engine/runner';
import { VERBS, type Verb } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import { count, nullable, oneOf } from './shapes.js';

const text = (description: string) => nullable(Type.String({ description }));

const held = {
  lock: text('The strongest one on what somebody uses, as PostgreSQL calls it; null: none.'),
  relation: text('Which it is on.'),
  blocks: oneOf(BLOCKS),
};

const BundleStatement = Type.Object({
  text: Type.String({ description: 'As it stands on a shard of a fresh install.' }),
  cut: Type.Boolean({ description: 'It is longer than that.' }),
  ...held,
  rewrites: Type.Boolean(),
  reads: Type.Array(Type.String(), { description: 'Tables, from end to end.' }),
});

const BundleStep = Type.Object({
  id: Type.String(),
  title: Type.String(),
  label: nullable(oneOf(STEP_LABELS)),
  how: Type.String(),
  lead: text('Whom it holds up and for how long, what it rewrites, what undoes it.'),
  ...held,
  undoneBy: nullable(oneOf(['abort', 'prepare'])),
  statements: Type.Array(BundleStatement),
  more: Type.Integer({ minimum: 0, description: 'Statements that are not shown.' }),
});

export const BundleSteps = Type.Object({
  hash: Type.String(),
  app: Type.String(),
  from: Type.String(),
  to: Type.String(),
  measured: Type.Boolean({
    description:
      'Locks were watched when it was built. Else `lead` is null, so is the `label` of a ' +
      'transaction, and locks are those alone that the runner waits for.',
  }),
  verbs: Type.Array(
    Type.Object({ verb: oneOf(VERBS), statements: count(), steps: Type.Array(BundleStep) }),
  ),
});
export type BundleSteps = Static<typeof BundleSteps>;

/** Of one step. */
const MOST_STATEMENTS = 100;
const TEXT_LENGTH = 4000;

export function stepsView(bundle: Bundle, verbs: readonly Verb[]): BundleSteps {
  const plan = planOf(bundle);
  const { hash, app, from, to } = plan;
  const measured = bundle.effects !== undefined;
  return {
    ...{ hash, app, from, to, measured },
    verbs: verbs.map((verb) => {
      const steps = plan.steps[verb];
      const statements = steps.reduce((sum, one) => sum + one.statements.length, 0);
      return {
        ...{ verb, statements },
        steps: steps.map((step) => stepOf(step, { verb, plan }, measured)),
      };
    }),
  };
}

function stepOf(step: StepView, naming: PlanNaming, measured: boolean) {
  const { id, title, how, undoneBy, statements, kind } = step;
  const shown = statements.slice(0, MOST_STATEMENTS);
  const rank = ({ blocks }: StatementView) => BLOCKS.indexOf(blocks);
  const [strongest] = [...statements].sort((left, right) => rank(right) - rank(left));
  const isKnown = measured || kind !== 'transaction';
  const lead = measured ? leadOf(step, naming) : null;
  const own = heldBy(strongest, naming);
  return {
    ...{ id, title, how, undoneBy, lead: lead?.text ?? null },
    label: isKnown ? labelOf(step, naming) : null,
    ...{ ...own, blocks: lead?.blocks ?? own.blocks },
    statements: shown.map((one) => statementOf(one, naming)),
    more: statements.length - shown.length,
  };
}

function heldBy(statement: StatementView | undefined, naming: PlanNaming) {
  const { lock = null, relation = null, blocks = 'nothing' as const } = statement ?? {};
  return { lock, relation: relation === null ? null : readable(relation, naming), blocks };
}

function statementOf(statement: StatementView, naming: PlanNaming) {
  const { text: whole, rewrites, reads } = statement;
  return {
    ...{ text: whole.slice(0, TEXT_LENGTH), cut: whole.length > TEXT_LENGTH },
    ...heldBy(statement, naming),
    ...{ rewrites, reads: reads.map((relation) => readable(relation, naming)) },
  };
}
