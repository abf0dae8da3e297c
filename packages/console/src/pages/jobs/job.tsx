// One job: what it does, how far it is, what became of it on each host, and what they write, live.

import type { Job, MadeJob } from '@halflap/server';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useLive } from '../../api/live';
import { useRead } from '../../api/queries';
import { ActButton } from '../../components/act-button';
import { Facts } from '../../components/facts';
import { TextField } from '../../components/fields';
import { FormModal } from '../../components/form-modal';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { commandLine, durationText } from '../../state/words';
import { failedOf, isOver, JobBar, jobLine } from './counts';
import { JobRuns } from './job-runs';
import { workText } from './work';

/** Between two looks at the list of hosts while they change, in ms. */
const RUNS_MS = 1000;

export function JobPage({ id }: { readonly id: string }) {
  const path = `/api/v1/jobs/${id}`;
  const { data: job, error } = useRead<Job>(path);
  useJobLive(path, job);
  return (
    <>
      <PageHead
        title={job?.name ?? 'Job'}
        up={{ path: '/jobs', text: 'Jobs' }}
        cli={commandLine('jobs', job !== undefined && !isOver(job) ? 'follow' : 'show', id)}
        beside={job !== undefined && <StateLabel state={job.state} />}
        actions={job !== undefined && <JobActions job={job} />}
      />
      <PageBody isBusy={job === undefined && error === null}>
        <ProblemAlert error={error} />
        {job !== undefined && (
          <>
            <div className="hf-job-hosts">
              <JobBar job={job} />
              <p aria-live="polite">{jobLine(job)}</p>
            </div>
            <JobFacts job={job} />
            <JobRuns job={job} />
          </>
        )}
      </PageBody>
    </>
  );
}

/** While it goes on the server tells what changes. */
function useJobLive(path: string, job: Job | undefined): void {
  const client = useQueryClient();
  const [due, setDue] = useState(false);
  const readRuns = () => {
    if (due) return;
    setDue(true);
    setTimeout(() => {
      setDue(false);
      void client.invalidateQueries({ queryKey: [`${path}/runs`] });
    }, RUNS_MS);
  };
  useLive({
    address: job === undefined || isOver(job) ? null : `${path}/live`,
    events: ['job', 'host'],
    onEvent: (event, data) => {
      readRuns();
      if (event !== 'job') return true;
      client.setQueryData([path, {}], data);
      return !isOver(data as Job);
    },
  });
}

function JobFacts({ job }: { readonly job: Job }) {
  return (
    <Facts
      of={{
        Does: workText(job.work),
        'Made by': job.createdBy,
        Made: <When at={job.createdAt} />,
        Ended: <When at={job.endedAt} never="not yet" />,
        Batches: job.batches === 1 ? 'all hosts at once' : `${job.batches}`,
        'At work at once': `${job.concurrency}`,
        'Stops after': job.stopAfter === null ? 'never' : `${job.stopAfter} failures`,
        'Time for each host': durationText(job.timeoutSeconds),
        'Waits for hosts': durationText(job.waitSeconds),
        'Why it stopped': job.stopReason ?? undefined,
        'Retry of':
          job.retryOf === null ? undefined : <Link href={`/jobs/${job.retryOf}`}>that job</Link>,
        'Shards that do not answer':
          job.silentShards.length === 0 ? undefined : job.silentShards.join(', '),
      }}
    />
  );
}

function JobActions({ job }: { readonly job: Job }) {
  const [, navigate] = useLocation();
  const failed = failedOf(job.counts);
  const path = `/api/v1/jobs/${job.id}`;
  if (!useMay('jobs:run')) return null;
  if (!isOver(job)) {
    return (
      <FormModal
        text="Cancel"
        variant="danger"
        title={`Cancel ${job.name}?`}
        submit="Cancel the job"
        act={(fields) =>
          ask('POST', `${path}/cancel`, { body: { reason: textOf(fields, 'reason') } })
        }
      >
        <p>No further host begins; those that have begun are ended.</p>
        <TextField name="reason" label="Why" help="For the job and the audit log." />
      </FormModal>
    );
  }
  if (failed === 0) return null;
  return (
    <ActButton
      text="Retry the failed"
      question={`Run it again on ${failed} ${failed === 1 ? 'host' : 'hosts'}?`}
      act={async () => {
        const { id } = await ask<MadeJob>('POST', `${path}/retry`, { body: {} });
        navigate(`/jobs/${id}`);
      }}
    >
      A new job, on the hosts where this one failed or that were away.
    </ActButton>
  );
}
