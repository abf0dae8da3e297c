// The columns of the list of hosts.

import type { HostSummary } from '@halflap/server';
import { Link } from 'wouter';
import type { Column } from '../../components/data-table';
import { Labels } from '../../components/labels';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { numberText } from '../../state/words';

export const HOST_COLUMNS: readonly Column<HostSummary>[] = [
  {
    head: 'Host',
    sort: 'hostname',
    cell: ({ id, hostname }) => (
      <Link href={`/hosts/${id}`} className="hf-host-name">
        {hostname}
      </Link>
    ),
  },
  { head: 'State', isNarrow: true, cell: (host) => <HostState host={host} /> },
  {
    head: 'Seen',
    sort: 'lastSeen',
    cell: ({ lastSeenAt }) => <When at={lastSeenAt} never="never" />,
  },
  { head: 'System', sort: 'os', cell: ({ os }) => os.name ?? os.id ?? '–' },
  {
    head: 'Upgrades',
    sort: 'upgradable',
    cell: ({ packages }) => numberText(packages.upgradable),
  },
  {
    head: 'Security',
    sort: 'security',
    cell: ({ packages }) =>
      packages.security === 0 ? (
        '0'
      ) : (
        <StateLabel state="warning" text={numberText(packages.security)} />
      ),
  },
  {
    head: 'Failed',
    sort: 'failed',
    cell: ({ servicesFailed }) =>
      servicesFailed === 0 ? '0' : <StateLabel state="failed" text={numberText(servicesFailed)} />,
  },
  { head: 'Labels', cell: ({ labels }) => <Labels labels={labels} /> },
];

/** Whether it is let in, and then whether its agent is connected. */
export function HostState({ host }: { readonly host: Pick<HostSummary, 'state' | 'online'> }) {
  if (host.state === 'pending') return <StateLabel state="pending" text="waits for approval" />;
  if (host.state === 'revoked') return <StateLabel state="revoked" />;
  return host.online ? (
    <StateLabel state="online" text="connected" />
  ) : (
    <StateLabel state="offline" text="away" />
  );
}
