// Clusters with what stands against them; then what is not as it should be: open alerts, shards
// and hosts that are away, hosts with failed services, jobs that failed or wait. Each leads to
// where something can be done.

import type { Alert, HostSummary, JobSummary, Page, Readiness } from '@halflap/server';
import { Card, CardBody, CardTitle } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useList, useRead } from '../api/queries';
import { PageBody, PageHead } from '../components/page-head';
import { ProblemAlert } from '../components/problem-alert';
import { StateLabel } from '../components/state-label';
import { When } from '../components/when';
import { useMay } from '../state/session';
import { commandLine, numberText, spoken } from '../state/words';
import { HomeClusters } from './clusters/home-clusters';
import { jobLine } from './jobs/counts';

/** Of each kind the first; the link leads to all. */
const SHOWN = 8;

export function HomePage() {
  const mayHosts = useMay('hosts:read');
  const mayJobs = useMay('jobs:read');
  const mayAlerts = useMay('alerts:read');
  const mayClusters = useMay('cluster:read');
  return (
    <>
      <PageHead
        title="Home"
        about="What needs somebody, first."
        cli={commandLine('alerts', 'list', '--state', 'open')}
      />
      <PageBody>
        {mayClusters && <HomeClusters />}
        <div className="hf-cards">
          {mayAlerts && <OpenAlerts />}
          <Shards />
          {mayHosts && <Hosts title="Hosts that are away" query={{ online: false }} />}
          {mayHosts && <Hosts title="Hosts with failed services" query={{ failed: true }} />}
          {mayHosts && <Hosts title="Hosts that wait to be let in" query={PENDING} />}
          {mayJobs && <Jobs title="Jobs that failed" states={FAILED} />}
          {mayJobs && <Jobs title="Jobs under way" states={['running', 'stopping']} />}
        </div>
      </PageBody>
    </>
  );
}

const PENDING = { state: 'pending' };
const FAILED = ['failed', 'timed_out', 'stopped'];

interface ExceptionsProps<Item> {
  readonly title: string;
  /** What is said when there are none. */
  readonly good: string;
  readonly all: string;
  readonly query: UseQueryResult<Page<Item>>;
  keyOf(item: Item): string;
  line(item: Item): ReactNode;
}

function Exceptions<Item>({ title, good, all, query, keyOf, line }: ExceptionsProps<Item>) {
  const { data, error } = query;
  const items = data?.items.slice(0, SHOWN) ?? [];
  const isMore = data !== undefined && (data.next !== null || data.items.length > SHOWN);
  const total = data?.total ?? (isMore ? undefined : items.length);
  return (
    <Card isCompact>
      <CardTitle component="h2">
        <span className="hf-section-head">
          {title}
          {data !== undefined && (
            <StateLabel
              state={items.length === 0 ? 'done' : 'open'}
              text={total === undefined ? `${SHOWN} and more` : numberText(total)}
            />
          )}
        </span>
      </CardTitle>
      <CardBody>
        <ProblemAlert error={error} />
        {data === undefined && error === null && (
          <p className="hf-quiet" aria-busy="true">
            Asking the shards…
          </p>
        )}
        {data !== undefined && items.length === 0 && <p>{good}</p>}
        <ul className="hf-plain-list">
          {items.map((item) => (
            <li key={keyOf(item)} className="hf-line">
              {line(item)}
            </li>
          ))}
        </ul>
        {items.length > 0 && (
          <p className="hf-more">
            <Link href={all}>{`All: ${title.toLowerCase()}`}</Link>
          </p>
        )}
      </CardBody>
    </Card>
  );
}

function OpenAlerts() {
  const query = useList<Alert>('/api/v1/alerts', { state: 'open', limit: SHOWN + 1 });
  return (
    <Exceptions
      title="Open alerts"
      good="No alert is open."
      all="/alerts?state=open"
      query={query}
      keyOf={({ id }) => id}
      line={({ severity, name, host, message, kind, openedAt }) => (
        <>
          <StateLabel state={severity} />
          {host === null ? name : <Link href={`/hosts/${host}`}>{name}</Link>}
          <span>{message || spoken(kind)}</span>
          <span className="hf-quiet">
            <When at={openedAt} />
          </span>
        </>
      )}
    />
  );
}

interface HostsProps {
  readonly title: string;
  readonly query: Readonly<Record<string, string | boolean>>;
}

function Hosts({ title, query }: HostsProps) {
  const asked = { state: 'active', ...query };
  const list = useList<HostSummary>('/api/v1/hosts', { ...asked, total: true, limit: SHOWN });
  const search = new URLSearchParams(Object.entries(asked).map(([k, v]) => [k, String(v)]));
  return (
    <Exceptions
      title={title}
      good="None."
      all={`/hosts?${search}`}
      query={list}
      keyOf={({ id }) => id}
      line={({ id, hostname, online, servicesFailed, lastSeenAt }) => (
        <>
          <Link href={`/hosts/${id}`}>{hostname}</Link>
          {query.failed === true && <span>{servicesFailed} failed</span>}
          {!online && (
            <span className="hf-quiet">
              seen <When at={lastSeenAt} never="never" />
            </span>
          )}
        </>
      )}
    />
  );
}

function Jobs({ title, states }: { readonly title: string; readonly states: readonly string[] }) {
  const query = useList<JobSummary>('/api/v1/jobs', { state: states, limit: SHOWN + 1 });
  return (
    <Exceptions
      title={title}
      good="None."
      all={`/jobs?state=${states[0]}`}
      query={query}
      keyOf={({ id }) => id}
      line={(job) => (
        <>
          <StateLabel state={job.state} />
          <Link href={`/jobs/${job.id}`}>{job.name}</Link>
          <span className="hf-quiet">
            {jobLine(job)}, <When at={job.createdAt} />
          </span>
        </>
      )}
    />
  );
}

function Shards() {
  const { data, error } = useRead<Readiness>('/readyz');
  const away = data?.shards.filter(({ served }) => !served).length ?? 0;
  return (
    <Card isCompact>
      <CardTitle component="h2">
        <span className="hf-section-head">
          Shards of this application
          {data !== undefined && (
            <StateLabel
              state={away === 0 ? 'done' : 'away'}
              text={away === 0 ? 'all answer' : `${away} away`}
            />
          )}
        </span>
      </CardTitle>
      <CardBody>
        <ProblemAlert error={error} />
        <ul className="hf-plain-list">
          {data?.shards.map(({ shard, served, mode, home }) => (
            <li key={shard} className="hf-line">
              <StateLabel state={served ? 'serving' : 'away'} />
              <span>{shard}</span>
              <span className="hf-quiet">
                {mode}
                {home && ', home of users, jobs and the audit log'}
              </span>
            </li>
          ))}
        </ul>
      </CardBody>
    </Card>
  );
}
