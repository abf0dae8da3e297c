// One host: what it is, and its parts, each with an address of its own.

import type { Host } from '@halflap/server';
import { Button } from '@patternfly/react-core';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { TabBar } from '../../components/tab-bar';
import { useMay } from '../../state/session';
import { commandLine } from '../../state/words';
import { HostState } from './host-columns';
import { HostEvents } from './host-events';
import { HostFacts } from './host-facts';
import { HostJobs } from './host-jobs';
import { HostPackages } from './host-packages';
import { HostServices } from './host-services';

const PARTS = {
  facts: { text: 'Facts', words: ['hosts', 'show'] },
  packages: { text: 'Packages', words: ['packages', 'list', '--host'] },
  services: { text: 'Services', words: ['services', 'list', '--host'] },
  jobs: { text: 'Jobs', words: ['hosts', 'jobs'] },
  events: { text: 'Events', words: ['hosts', 'events'] },
} as const;
type Part = keyof typeof PARTS;

interface Props {
  readonly id: string;
  readonly part?: string | undefined;
}

export function HostPage({ id, part: asked = 'facts' }: Props) {
  const { data: host, error } = useRead<Host>(`/api/v1/hosts/${id}`);
  const part: Part = asked in PARTS ? (asked as Part) : 'facts';
  const name = host?.hostname ?? id;
  const base = `/hosts/${id}`;
  const tabs = (Object.keys(PARTS) as Part[]).map((one) => ({
    path: one === 'facts' ? base : `${base}/${one}`,
    text: PARTS[one].text,
  }));
  return (
    <>
      <PageHead
        title={name}
        up={{ path: '/hosts', text: 'Hosts' }}
        cli={commandLine(...PARTS[part].words, name)}
        beside={host !== undefined && <HostState host={host} />}
        actions={host !== undefined && <HostActions host={host} />}
      />
      <PageBody isBusy={host === undefined && error === null}>
        <ProblemAlert error={error} />
        {host !== undefined && (
          <>
            <TabBar
              label="Parts of the host"
              tabs={tabs}
              current={part === 'facts' ? base : `${base}/${part}`}
            />
            <HostPart part={part} host={host} />
          </>
        )}
      </PageBody>
    </>
  );
}

function HostPart({ part, host }: { readonly part: Part; readonly host: Host }) {
  switch (part) {
    case 'facts':
      return <HostFacts host={host} />;
    case 'packages':
      return <HostPackages host={host} />;
    case 'services':
      return <HostServices host={host} />;
    case 'jobs':
      return <HostJobs host={host} />;
    case 'events':
      return <HostEvents host={host} />;
    default:
      return part satisfies never;
  }
}

function HostActions({ host: { id, hostname, state } }: { readonly host: Host }) {
  const mayWrite = useMay('hosts:write');
  const mayRun = useMay('jobs:run');
  const [, navigate] = useLocation();
  const path = `/api/v1/hosts/${id}`;
  return (
    <>
      {mayRun && state === 'active' && (
        <Button onClick={() => navigate(`/jobs/new?${new URLSearchParams({ hostname })}`)}>
          Run a job
        </Button>
      )}
      {mayWrite && state === 'pending' && (
        <ActButton
          text="Let it in"
          question={`Let ${hostname} in?`}
          act={() => ask('POST', `${path}/approve`)}
        />
      )}
      {mayWrite && state !== 'revoked' && (
        <ActButton
          text="Revoke"
          variant="danger"
          question={`Revoke ${hostname}?`}
          act={() => ask('POST', `${path}/revoke`, { body: {} })}
        >
          It is shut out with all its certificates; its agent would have to enrol anew.
        </ActButton>
      )}
      {mayWrite && state === 'revoked' && (
        <ActButton
          text="Remove"
          variant="danger"
          question={`Remove ${hostname}?`}
          act={async () => {
            await ask('DELETE', path);
            navigate('/hosts');
          }}
        >
          Halflap forgets it, with all that it told.
        </ActButton>
      )}
    </>
  );
}
