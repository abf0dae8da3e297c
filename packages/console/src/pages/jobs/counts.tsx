// How far a job is: its hosts by what became of them, as a text and as a bar.

import type { JobSummary } from '@halflap/server';
import { numberText, spoken } from '../../state/words';

type State = keyof JobSummary['counts'];

/** In the order in which they are told; each state once. */
const FILLS = {
  succeeded: 'good',
  failed: 'bad',
  timed_out: 'bad',
  refused: 'bad',
  lost: 'bad',
  expired: 'bad',
  running: 'work',
  sent: 'work',
  released: 'work',
  waiting: 'rest',
  cancelled: 'rest',
  skipped: 'rest',
} as const satisfies Record<State, string>;

export const RUN_STATES = Object.keys(FILLS) as readonly State[];
export const JOB_STATES = [
  'running',
  'stopping',
  'succeeded',
  'failed',
  'stopped',
  'cancelled',
  'timed_out',
] as const satisfies readonly JobSummary['state'][];

export function isOver({ endedAt }: Pick<JobSummary, 'endedAt'>): boolean {
  return endedAt !== null;
}

/** `18 of 20 hosts: 17 succeeded, 1 failed`. */
export function jobLine({ counts, hosts }: Pick<JobSummary, 'counts' | 'hosts'>): string {
  const parts = given(counts).map(([state, count]) => `${numberText(count)} ${spoken(state)}`);
  const size = `${numberText(hosts)} ${hosts === 1 ? 'host' : 'hosts'}`;
  return parts.length === 0 ? size : `${size}: ${parts.join(', ')}`;
}

/** How many hosts a retry would take. */
export function failedOf(counts: JobSummary['counts']): number {
  return given(counts)
    .filter(([state]) => FILLS[state] === 'bad')
    .reduce((sum, [, count]) => sum + count, 0);
}

export function JobBar({ job }: { readonly job: Pick<JobSummary, 'counts' | 'hosts'> }) {
  const parts = given(job.counts);
  const total = Math.max(1, ...[parts.reduce((sum, [, count]) => sum + count, 0)]);
  let from = 0;
  return (
    <div className="hf-progress">
      <svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label={jobLine(job)}>
        <title>{jobLine(job)}</title>
        {parts.map(([state, count]) => {
          const width = (100 * count) / total;
          const x = from;
          from += width;
          const fill = `hf-fill-${FILLS[state]}`;
          return <rect key={state} x={x} y={0} width={width} height={1} className={fill} />;
        })}
      </svg>
    </div>
  );
}

function given(counts: JobSummary['counts']): [State, number][] {
  return RUN_STATES.map((state): [State, number] => [state, counts[state] ?? 0]).filter(
    ([, count]) => count > 0,
  );
}
