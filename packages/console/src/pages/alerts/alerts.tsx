// Alerts, and that somebody has taken notice.

import type { Alert } from '@halflap/server';
import { Link } from 'wouter';
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
import { commandLine, spoken } from '../../state/words';
import { AlertTabs, RULE_KINDS, SEVERITIES } from './alert-tabs';

const FILTERS: readonly Filter[] = [
  { kind: 'choice', name: 'state', label: 'State', options: ['open', 'resolved'] },
  { kind: 'choice', name: 'severity', label: 'Severity', options: SEVERITIES },
  { kind: 'choice', name: 'kind', label: 'Kind', options: RULE_KINDS },
  { kind: 'flag', name: 'acknowledged', label: 'Unnoticed', value: 'false' },
];

const COLUMNS: readonly Column<Alert>[] = [
  { head: 'Severity', isNarrow: true, cell: ({ severity }) => <StateLabel state={severity} /> },
  { head: 'State', isNarrow: true, cell: ({ state }) => <StateLabel state={state} /> },
  {
    head: 'About',
    cell: ({ kind, host, subject, name }) => {
      if (host !== null) return <Link href={`/hosts/${host}`}>{name}</Link>;
      return kind === 'job_failed' ? <Link href={`/jobs/${subject}`}>{name}</Link> : name;
    },
  },
  { head: 'What', cell: ({ kind }) => spoken(kind) },
  { head: 'Message', cell: ({ message }) => message },
  { head: 'Opened', cell: ({ openedAt }) => <When at={openedAt} /> },
  { head: 'Resolved', cell: ({ resolvedAt }) => <When at={resolvedAt} never="not yet" /> },
];

function noticeOf(mayWrite: boolean): Column<Alert> {
  return {
    head: 'Noticed by',
    cell: ({ id, name, acknowledgedBy }) => {
      if (acknowledgedBy !== null || !mayWrite) return acknowledgedBy ?? 'nobody';
      return (
        <ActButton
          size="sm"
          variant="secondary"
          text="Take notice"
          label={`Take notice of ${name}`}
          act={() => ask('POST', `/api/v1/alerts/${id}/acknowledge`, { body: {} })}
        />
      );
    },
  };
}

export function AlertsPage() {
  const address = useAddress();
  const mayWrite = useMay('alerts:write');
  const query = useList<Alert>('/api/v1/alerts', askedOf(address, FILTERS));
  const words = ['state', 'severity', 'kind'].flatMap((name) =>
    address.has(name) ? [`--${name}`, address.get(name)] : [],
  );
  return (
    <>
      <PageHead
        title="Alerts"
        cli={commandLine(
          ...['alerts', 'list', ...words],
          address.has('acknowledged') && '--unacknowledged',
        )}
      />
      <PageBody>
        <AlertTabs current="/alerts" />
        <div>
          <FilterBar filters={FILTERS} />
          <ListView
            label="Alerts"
            query={query}
            columns={[...COLUMNS, noticeOf(mayWrite)]}
            keyOf={({ id }) => id}
            empty="No alert is like that."
          />
        </div>
      </PageBody>
    </>
  );
}
