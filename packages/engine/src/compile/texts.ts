// All SQL of a step as one list: the order in which a plan shows it and effects are kept.

import type { Step } from './bundle.js';

/**
 * The statements of a step, holes unfilled. Of a backfill: those of a batch, then those that do the
 * same row by row. Of a verify: how a row of quarantine is tried again, where there is a way; what
 * should be there; what is; then a query for each rule that nothing enforces yet.
 */
export function textsOf(step: Step): string[] {
  switch (step.kind) {
    case 'transaction':
      return step.statements.map((one) => one.sql);
    case 'index':
      return [step.statement.sql];
    case 'barrier':
      return [];
    case 'backfill':
      return [...step.batch, ...step.oneByOne];
    case 'verify':
      return [
        ...(step.retry === null ? [] : [step.retry.sql]),
        step.expected,
        step.actual,
        ...step.offenders.map((one) => one.sql),
      ];
    default:
      return step satisfies never;
  }
}
