// Jobs of one host, and what became of each on it.

import type { Host, HostJob } from '@halflap/server';
import { Link } from 'wouter';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';

const COLUMNS: readonly Column<HostJob>[] = [
  {
    head: 'Job',
    cell: ({ job, host, name }) => <Link href={`/jobs/${job}?output=${host}`}>{name}</Link>,
  },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  { head: 'What it says', cell: ({ message }) => message ?? '–' },
  { head: 'Exit code', cell: ({ exitCode, signal }) => signal ?? exitCode ?? '–' },
  { head: 'Began', cell: ({ beganAt }) => <When at={beganAt} never="not yet" /> },
  { head: 'Ended', cell: ({ endedAt }) => <When at={endedAt} never="not yet" /> },
];

export function HostJobs({ host }: { readonly host: Host }) {
  const address = useAddress();
  const query = useList<HostJob>(`/api/v1/hosts/${host.id}/jobs`, askedOf(address, []));
  return (
    <ListView
      label="Jobs"
      query={query}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      empty="No job has gone to it."
    />
  );
}
