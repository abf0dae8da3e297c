// The hosts of a job, what became of it on each, and the output of one of them.

import type { Job, JobRun } from '@halflap/server';
import { Button, Title } from '@patternfly/react-core';
import { Link } from 'wouter';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { bytesText } from '../../state/words';
import { isOver, RUN_STATES } from './counts';
import { RunOutput } from './run-output';

const FILTERS: readonly Filter[] = [
  { kind: 'text', name: 'search', label: 'Host' },
  { kind: 'choice', name: 'state', label: 'State', options: RUN_STATES },
];

export function JobRuns({ job }: { readonly job: Job }) {
  const address = useAddress();
  const shown = address.get('output');
  const query = useList<JobRun>(
    `/api/v1/jobs/${job.id}/runs`,
    { ...askedOf(address, FILTERS), total: true },
    { every: isOver(job) ? false : 5000 },
  );
  const show = (host: string | null) => address.turn({ output: host });
  return (
    <section>
      <Title headingLevel="h2" size="lg">
        Hosts
      </Title>
      {shown !== '' && <RunOutput job={job.id} host={shown} onClose={() => show(null)} />}
      <FilterBar filters={FILTERS} />
      <ListView
        label="Hosts of the job"
        query={query}
        columns={columnsOf(show)}
        keyOf={({ id }) => id}
        empty="No host of this job is like that."
      />
    </section>
  );
}

function columnsOf(show: (host: string) => void): readonly Column<JobRun>[] {
  return [
    { head: 'Host', cell: ({ host, hostname }) => <Link href={`/hosts/${host}`}>{hostname}</Link> },
    { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
    { head: 'What it says', cell: ({ message }) => message ?? '–' },
    { head: 'Exit code', cell: ({ exitCode, signal }) => signal ?? exitCode ?? '–' },
    { head: 'Batch', cell: ({ batch }) => batch },
    { head: 'Began', cell: ({ beganAt }) => <When at={beganAt} never="not yet" /> },
    { head: 'Ended', cell: ({ endedAt }) => <When at={endedAt} never="not yet" /> },
    {
      head: '',
      cell: ({ host, hostname, outputBytes }) => {
        const text = outputBytes === 0 ? 'Output' : `Output, ${bytesText(outputBytes)}`;
        return (
          <Button
            variant="link"
            isInline
            aria-label={`${text}, of ${hostname}`}
            onClick={() => show(host)}
          >
            {text}
          </Button>
        );
      },
    },
  ];
}
