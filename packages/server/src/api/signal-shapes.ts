// What an application said in a campaign, as the API shows it.

import { type Static, Type } from 'typebox';
import type { SignalRow, StepSignals } from '../campaigns/signals/samples.js';
import { isoOf } from './host-shapes.js';
import { instant, nullable } from './shapes.js';

const number = (description?: string) =>
  nullable(Type.Number(description === undefined ? {} : { description }));

const CampaignSignal = Type.Object({
  name: Type.String(),
  unit: Type.String(),
  stopAbove: number('Null: it stops nothing.'),
  stopAfterSeconds: Type.Integer(),
  away: nullable(Type.String({ description: 'Why it was not answered last; null: it was.' })),
  before: number('The last value from before the first step.'),
  now: number('The last value of all.'),
  highest: number('The highest value of all.'),
  points: Type.Array(Type.Object({ at: instant(), value: number('Null: a gap.') }), {
    description: 'The highest of each of 240 parts of the time, the oldest first.',
  }),
});
export type CampaignSignal = Static<typeof CampaignSignal>;

export const CampaignSignals = Type.Object({
  signals: Type.Array(CampaignSignal),
  steps: Type.Array(
    Type.Object({
      step: Type.String(),
      startedAt: instant(),
      endedAt: nullable(instant()),
      highest: Type.Array(number(), { description: 'Of each of `signals` while it went on.' }),
    }),
    { description: 'Steps that were begun, in the order of their last beginnings.' },
  ),
});
export type CampaignSignals = Static<typeof CampaignSignals>;

export function signalsView(
  rows: readonly SignalRow[],
  steps: readonly StepSignals[],
): CampaignSignals {
  return {
    signals: rows.map(({ points, ...row }) => ({
      ...row,
      points: points.map(({ at, value }) => ({ at: at.toISOString(), value })),
    })),
    steps: steps.map(({ step, startedAt, endedAt, highest }) => ({
      ...{ step, startedAt: startedAt.toISOString(), endedAt: isoOf(endedAt) },
      highest: rows.map(({ name }) => highest[name] ?? null),
    })),
  };
}
