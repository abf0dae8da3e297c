// The list of hosts: filtered, sorted and paged by the servers.

import type { HostSummary } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useList } from '../../api/queries';
import { FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine, numberText } from '../../state/words';
import { saveCsv } from './csv';
import { filterWords, HOST_FILTERS, hostQuery } from './filters';
import { HOST_COLUMNS } from './host-columns';

export function HostsPage() {
  const address = useAddress();
  const by = address.get('sort') || 'hostname';
  const direction = address.get('order') === 'desc' ? 'desc' : 'asc';
  const filters = hostQuery(address);
  const order = { sort: by, order: direction };
  const cursor = address.get('cursor');
  const query = useList<HostSummary>('/api/v1/hosts', {
    ...filters,
    ...order,
    cursor,
    total: true,
  });
  const cli = commandLine(
    ...['hosts', 'list', ...filterWords(address)],
    ...(by === 'hostname' ? [] : ['--sort', by]),
    direction === 'desc' && '--desc',
  );
  return (
    <>
      <PageHead
        title="Hosts"
        cli={cli}
        actions={<HostsActions query={{ ...filters, ...order }} />}
      />
      <PageBody>
        <div>
          <FilterBar filters={HOST_FILTERS} />
          <ListView
            label="Hosts"
            query={query}
            columns={HOST_COLUMNS}
            keyOf={({ id }) => id}
            empty="No host is like that. An enrolment token lets hosts in."
            sorting={{
              by,
              direction,
              onSort: (sort, order) => address.change({ sort, order }),
            }}
          />
        </div>
      </PageBody>
    </>
  );
}

function HostsActions({ query }: { readonly query: Readonly<Record<string, string>> }) {
  const [, navigate] = useLocation();
  const mayRun = useMay('jobs:run');
  const [saving, setSaving] = useState<number | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const save = async () => {
    setError(null);
    setSaving(0);
    await saveCsv(query, setSaving).catch(setError);
    setSaving(null);
  };
  const { sort: _, order: __, state: ___, ...target } = query;
  return (
    <>
      {mayRun && (
        <Button onClick={() => navigate(`/jobs/new?${new URLSearchParams(target)}`)}>
          Run a job on these
        </Button>
      )}
      <Button variant="secondary" isLoading={saving !== null} onClick={save}>
        {saving === null ? 'Export as CSV' : `${numberText(saving)} hosts`}
      </Button>
      <Button variant="secondary" component={(props) => <Link {...props} href="/tokens" />}>
        Add hosts
      </Button>
      <ProblemAlert error={error} />
    </>
  );
}
