// The list of jobs.

import type { JobSummary } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { Link, useLocation } from 'wouter';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { JOB_STATES, JobBar, jobLine } from './counts';

const FILTERS: readonly Filter[] = [
  { kind: 'choice', name: 'state', label: 'State', options: JOB_STATES },
];

const COLUMNS: readonly Column<JobSummary>[] = [
  { head: 'Job', cell: ({ id, name }) => <Link href={`/jobs/${id}`}>{name}</Link> },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  { head: 'Kind', cell: ({ kind }) => kind },
  {
    head: 'Hosts',
    cell: (job) => (
      <div className="hf-job-hosts">
        <JobBar job={job} />
        <span className="hf-quiet">{jobLine(job)}</span>
      </div>
    ),
  },
  { head: 'Made by', cell: ({ createdBy }) => createdBy },
  { head: 'Made', cell: ({ createdAt }) => <When at={createdAt} /> },
  { head: 'Ended', cell: ({ endedAt }) => <When at={endedAt} never="not yet" /> },
];

export function JobsPage() {
  const address = useAddress();
  const [, navigate] = useLocation();
  const mayRun = useMay('jobs:run');
  const query = useList<JobSummary>('/api/v1/jobs', askedOf(address, FILTERS), { every: 5000 });
  const state = address.get('state');
  return (
    <>
      <PageHead
        title="Jobs"
        cli={commandLine('jobs', 'list', ...(state === '' ? [] : ['--state', state]))}
        actions={mayRun && <Button onClick={() => navigate('/jobs/new')}>New job</Button>}
      />
      <PageBody>
        <div>
          <FilterBar filters={FILTERS} />
          <ListView
            label="Jobs"
            query={query}
            columns={COLUMNS}
            keyOf={({ id }) => id}
            empty="No job is like that."
          />
        </div>
      </PageBody>
    </>
  );
}
