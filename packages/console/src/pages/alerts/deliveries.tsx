// What was told to whom, and what came of it.

import type { AlertDelivery } from '@halflap/server';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { AlertTabs } from './alert-tabs';

const PATH = '/api/v1/alert-deliveries';

const FILTERS: readonly Filter[] = [
  { kind: 'choice', name: 'state', label: 'State', options: ['pending', 'delivered', 'given_up'] },
];

const COLUMNS: readonly Column<AlertDelivery>[] = [
  { head: 'To', cell: ({ targetName }) => targetName },
  { head: 'Of', cell: ({ event }) => event },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  { head: 'Tries', cell: ({ attempts }) => attempts },
  {
    head: 'Last answer',
    cell: ({ lastStatus, lastError }) => lastError ?? lastStatus ?? '–',
  },
  { head: 'Made', cell: ({ madeAt }) => <When at={madeAt} /> },
  { head: 'Next try', cell: ({ nextAttemptAt }) => <When at={nextAttemptAt} /> },
  { head: 'Delivered', cell: ({ deliveredAt }) => <When at={deliveredAt} /> },
];

const ACTIONS: Column<AlertDelivery> = {
  head: '',
  cell: ({ id, state, targetName }) =>
    state !== 'delivered' && (
      <ActButton
        size="sm"
        variant="secondary"
        text="Try again"
        label={`Try again to tell ${targetName}`}
        act={() => ask('POST', `${PATH}/${id}/retry`, { body: {} })}
      />
    ),
};

export function DeliveriesPage() {
  const address = useAddress();
  const mayWrite = useMay('cluster:write');
  const query = useList<AlertDelivery>(PATH, askedOf(address, FILTERS));
  const state = address.get('state');
  return (
    <>
      <PageHead
        title="Deliveries of alerts"
        cli={commandLine(
          ...['alerts', 'deliveries', 'list'],
          ...(state === '' ? [] : ['--state', state]),
        )}
      />
      <PageBody>
        <AlertTabs current="/alerts/deliveries" />
        <div>
          <FilterBar filters={FILTERS} />
          <ListView
            label="Deliveries"
            query={query}
            columns={mayWrite ? [...COLUMNS, ACTIONS] : COLUMNS}
            keyOf={({ id }) => id}
            empty="Nothing was told like that."
          />
        </div>
      </PageBody>
    </>
  );
}
