// What happened to one host.

import type { Host, HostEvent } from '@halflap/server';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { spoken } from '../../state/words';

const COLUMNS: readonly Column<HostEvent>[] = [
  { head: 'When', cell: ({ at }) => <When at={at} /> },
  { head: 'How grave', isNarrow: true, cell: ({ severity }) => <StateLabel state={severity} /> },
  { head: 'What', cell: ({ kind }) => spoken(kind) },
  { head: 'Message', cell: ({ message }) => message },
];

export function HostEvents({ host }: { readonly host: Host }) {
  const address = useAddress();
  const query = useList<HostEvent>(`/api/v1/hosts/${host.id}/events`, askedOf(address, []));
  return (
    <ListView
      label="Events"
      query={query}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      empty="Nothing has happened to it."
    />
  );
}
