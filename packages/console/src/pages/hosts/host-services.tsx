// Services of one host: their states, start, stop and restart as jobs, and the end of the journal.

import type { Host, HostService, MadeJob, ServiceJournal } from '@halflap/server';
import { Button, Modal, ModalBody, ModalHeader } from '@patternfly/react-core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useList, useRead, WATCH_MS } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { CliLine } from '../../components/cli-line';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';

const FILTERS: readonly Filter[] = [
  { kind: 'text', name: 'search', label: 'Name' },
  { kind: 'choice', name: 'active', label: 'State', options: ['active', 'inactive', 'failed'] },
];

export function HostServices({ host }: { readonly host: Host }) {
  const address = useAddress();
  const mayRun = useMay('jobs:run');
  const [journal, setJournal] = useState<string | null>(null);
  const path = `/api/v1/hosts/${host.id}/services`;
  const query = useList<HostService>(path, askedOf(address, FILTERS));
  const columns: Column<HostService>[] = [
    { head: 'Service', cell: ({ name }) => name },
    {
      head: 'State',
      isNarrow: true,
      cell: ({ active, sub }) => (
        <StateLabel state={active} text={active === sub ? active : `${active}, ${sub}`} />
      ),
    },
    { head: 'At boot', cell: ({ enabled }) => enabled ?? '–' },
    { head: 'Since', cell: ({ since }) => <When at={since} /> },
    { head: 'What it is', cell: ({ description }) => description },
  ];
  if (mayRun) {
    columns.push({
      head: '',
      cell: (service) => <Actions host={host} service={service} onJournal={setJournal} />,
    });
  }
  return (
    <div>
      <FilterBar filters={FILTERS} />
      <ListView
        label="Services"
        query={query}
        columns={columns}
        keyOf={({ name }) => name}
        empty="No service is like that, or the host has not told yet."
      />
      {journal !== null && (
        <Journal host={host} service={journal} onClose={() => setJournal(null)} />
      )}
    </div>
  );
}

interface ActionsProps {
  readonly host: Host;
  readonly service: HostService;
  onJournal(service: string): void;
}

function Actions({ host, service: { name, active }, onJournal }: ActionsProps) {
  const [, navigate] = useLocation();
  const isRunning = active === 'active' || active === 'reloading' || active === 'activating';
  const actions = isRunning ? ['restart', 'stop'] : ['start'];
  return (
    <div className="hf-row-actions">
      {actions.map((action) => (
        <ActButton
          key={action}
          size="sm"
          variant="secondary"
          text={action.charAt(0).toUpperCase() + action.slice(1)}
          label={`${action} ${name}`}
          question={`${action.charAt(0).toUpperCase() + action.slice(1)} ${name}?`}
          act={async () => {
            const body = {
              name: `${action} ${name} on ${host.hostname}`,
              work: { kind: 'service', action, service: name },
              target: { hosts: [host.id] },
            };
            const { id } = await ask<MadeJob>('POST', '/api/v1/jobs', { body });
            navigate(`/jobs/${id}`);
          }}
        >
          <CliLine
            line={commandLine('jobs', 'run', 'service', action, name, '--host', host.hostname)}
          />
        </ActButton>
      ))}
      <Button
        size="sm"
        variant="link"
        aria-label={`Journal of ${name}`}
        onClick={() => onJournal(name)}
      >
        Journal
      </Button>
    </div>
  );
}

interface JournalProps {
  readonly host: Host;
  readonly service: string;
  onClose(): void;
}

const LINES = 200;

/** The host is asked again as long as it is looked at. */
function Journal({ host, service, onClose }: JournalProps) {
  const path = `/api/v1/hosts/${host.id}/services/${encodeURIComponent(service)}/journal`;
  const { data, error } = useRead<ServiceJournal>(path, { lines: LINES }, { every: 2 * WATCH_MS });
  const title = `Journal of ${service}`;
  return (
    <Modal isOpen variant="large" onClose={onClose} aria-label={title}>
      <ModalHeader title={title} description={`The last ${LINES} lines, as the host tells now.`} />
      <ModalBody>
        <CliLine line={commandLine('services', 'journal', host.hostname, service)} />
        <ProblemAlert error={error} />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by key */}
        <pre className="hf-output" role="log" tabIndex={0} aria-label={title}>
          {data === undefined
            ? 'Asking the host…'
            : data.lines.join('\n') || 'It has logged nothing.'}
        </pre>
      </ModalBody>
    </Modal>
  );
}
