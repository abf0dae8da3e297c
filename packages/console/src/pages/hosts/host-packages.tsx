// Packages of one host.

import type { Host, HostPackage } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { useLocation } from 'wouter';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { StateLabel } from '../../components/state-label';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';

const FILTERS: readonly Filter[] = [
  { kind: 'text', name: 'search', label: 'Name' },
  { kind: 'flag', name: 'upgradable', label: 'To upgrade' },
  { kind: 'flag', name: 'security', label: 'Security fixes' },
  { kind: 'flag', name: 'held', label: 'Held' },
];

const COLUMNS: readonly Column<HostPackage>[] = [
  { head: 'Package', cell: ({ name }) => name },
  { head: 'Version', cell: ({ version }) => version },
  {
    head: 'Upgrade to',
    cell: ({ candidate, security }) =>
      candidate === null ? (
        <span className="hf-quiet">–</span>
      ) : (
        <span className="hf-line">
          {candidate}
          {security && <StateLabel state="warning" text="security" />}
        </span>
      ),
  },
  {
    head: 'Held',
    cell: ({ held }) => (held ? <StateLabel state="inactive" text="held" /> : 'no'),
  },
  { head: 'Architecture', cell: ({ architecture }) => architecture },
  { head: 'From', cell: ({ manager }) => manager },
];

export function HostPackages({ host: { id, hostname } }: { readonly host: Host }) {
  const address = useAddress();
  const [, navigate] = useLocation();
  const mayRun = useMay('jobs:run');
  const query = useList<HostPackage>(`/api/v1/hosts/${id}/packages`, askedOf(address, FILTERS));
  const upgrade = (onlySecurity: boolean) => {
    const asked = new URLSearchParams({ hostname, kind: 'packages', action: 'upgrade' });
    if (onlySecurity) asked.set('onlySecurity', 'true');
    navigate(`/jobs/new?${asked}`);
  };
  return (
    <div>
      {mayRun && (
        <div className="hf-row-actions hf-filters">
          <Button variant="secondary" size="sm" onClick={() => upgrade(false)}>
            Upgrade all
          </Button>
          <Button variant="secondary" size="sm" onClick={() => upgrade(true)}>
            Install security fixes
          </Button>
        </div>
      )}
      <FilterBar filters={FILTERS} />
      <ListView
        label="Packages"
        query={query}
        columns={COLUMNS}
        keyOf={({ manager, name, architecture, version }) =>
          [manager, name, architecture, version].join(' ')
        }
        empty="No package is like that, or the host has not told yet."
      />
    </div>
  );
}
