// What was found, for people: what failed comes first, and what to do stands beside it.

import { type Finding, STATES, type State } from './doctor/check.js';
import type { Colors, Printer } from './print.js';
import { table } from './table.js';

/** One row for each finding, the gravest first, and a line that sums them up. */
export function doctorText(
  findings: readonly Finding[],
  { colors, width }: Pick<Printer, 'colors' | 'width'>,
): string {
  const rank = ({ state }: Finding) => STATES.indexOf(state);
  const rows = findings
    .toSorted((one, other) => rank(one) - rank(other))
    .map(({ state, check, of, found, next }) => [
      paint(state, colors),
      of === null ? check : `${check} of ${of}`,
      found,
      next ?? '',
    ]);
  const counts = STATES.map(
    (state) => `${findings.filter((one) => one.state === state).length} ${state}`,
  );
  return `${table(['state', 'check', 'found', 'what to do'], rows, width)}\n\n${counts.join(', ')}`;
}

function paint(state: State, colors: Colors): string {
  switch (state) {
    case 'failed':
      return colors.red(state);
    case 'warning':
      return colors.yellow(state);
    case 'ok':
      return colors.green(state);
    default:
      return state satisfies never;
  }
}
