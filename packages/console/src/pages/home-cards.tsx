// What may need somebody, each kind as a card: above the clusters while there is something of it,
// below them while there is nothing.

import type { Alert, HostSummary, JobSummary, Page, Readiness } from '@halflap/server';
import { Card, CardBody, CardTitle } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useList, useRead } from '../api/queries';
import { ProblemAlert } from '../components/problem-alert';
import { StateLabel } from '../components/state-label';
import { When } from '../components/when';
import { useMay } from '../state/session';
import { numberText, spoken } from '../state/words';
import { jobLine } from './jobs/counts';

/** Of each kind the first; the link leads to all. */
const SHOWN = 8;

interface Placed {
  /** Both places ask for the same, which is asked once; each card is in one of them. */
  readonly place: 'above' | 'below';
}

export function HomeCards({ place }: Placed) {
  const mayHosts = useMay('hosts:read');
  const mayJobs = useMay('jobs:read');
  const mayAlerts = useMay('alerts:read');
  return (
    <>
      {mayAlerts && <OpenAlerts place={place} />}
      <Shards place={place} />
      {mayHosts && <Hosts place={place} title="Hosts that are away" query={AWAY} />}
      {mayHosts && <Hosts place={place} title="Hosts with failed services" query={FAILING} />}
      {mayHosts && <Hosts place={place} title="Hosts that wait to be let in" query={PENDING} />}
      {mayJobs && <Jobs place={place} title="Jobs that failed" states={FAILED} />}
      {mayJobs && <Jobs place={place} title="Jobs under way" states={UNDER_WAY} isCalm />}
    </>
  );
}

const AWAY = { online: false };
const FAILING = { failed: true };
const PENDING = { state: 'pending' };
const FAILED = ['failed', 'timed_out', 'stopped'];
const UNDER_WAY = ['running', 'stopping'];

/** @param needs somebody, for what there is of it */
function isThere({ place }: Placed, needs: boolean): boolean {
  return needs === (place === 'above');
}

interface ExceptionsProps<Item> extends Placed {
  /** They need nobody. */
  readonly isCalm?: boolean;
  readonly title: string;
  /** What is said when there are none. */
  readonly good: string;
  readonly all: string;
  readonly query: UseQueryResult<Page<Item>>;
  keyOf(item: Item): string;
  line(item: Item): ReactNode;
}

function Exceptions<Item>(props: ExceptionsProps<Item>) {
  const { isCalm = false, title, good, all, query, keyOf, line } = props;
  const { data, error } = query;
  const items = data?.items.slice(0, SHOWN) ?? [];
  if (!isThere(props, !isCalm && (items.length > 0 || error !== null))) return null;
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

function OpenAlerts({ place }: Placed) {
  const query = useList<Alert>('/api/v1/alerts', { state: 'open', limit: SHOWN + 1 });
  // Fixes to install wait for the next occasion, not for somebody.
  const isCalm = query.data?.items.every(({ severity }) => severity === 'info') ?? false;
  return (
    <Exceptions
      place={place}
      isCalm={isCalm}
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

interface HostsProps extends Placed {
  readonly title: string;
  readonly query: Readonly<Record<string, string | boolean>>;
}

function Hosts({ place, title, query }: HostsProps) {
  const asked = { state: 'active', ...query };
  const list = useList<HostSummary>('/api/v1/hosts', { ...asked, total: true, limit: SHOWN });
  const search = new URLSearchParams(Object.entries(asked).map(([k, v]) => [k, String(v)]));
  return (
    <Exceptions
      place={place}
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

interface JobsProps extends Placed {
  readonly title: string;
  readonly states: readonly string[];
  readonly isCalm?: boolean;
}

function Jobs({ place, title, states, isCalm = false }: JobsProps) {
  const query = useList<JobSummary>('/api/v1/jobs', { state: states, limit: SHOWN + 1 });
  return (
    <Exceptions
      place={place}
      isCalm={isCalm}
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

function Shards({ place }: Placed) {
  const { data, error } = useRead<Readiness>('/readyz');
  const away = data?.shards.filter(({ served }) => !served).length ?? 0;
  if (!isThere({ place }, away > 0 || error !== null)) return null;
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
