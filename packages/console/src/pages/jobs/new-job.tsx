// A new job: what it does, and exactly where. It is made on the hosts of the preview that is seen,
// or not at all: its digest goes along.

import type { JobPreview, MadeJob } from '@halflap/server';
import { Button, Form, FormSection } from '@patternfly/react-core';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../../api/client';
import { useAct, useRead } from '../../api/queries';
import { ChoiceField, TextField } from '../../components/fields';
import { FilterBar } from '../../components/filter-bar';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { type Address, useAddress } from '../../state/address';
import { textOf } from '../../state/field-values';
import { commandLine, numberText } from '../../state/words';
import { filterWords, hostQuery, TARGET_FILTERS } from '../hosts/filters';
import { PacingFields, pacingOf, pacingWords } from './pacing';
import { Preview } from './preview';
import { lastWords, WORK_KINDS, type WorkKind, workOf, workText, workWords } from './work';
import { WorkFields } from './work-fields';

export function NewJobPage() {
  const address = useAddress();
  const given = WORK_KINDS.find((one) => one === address.get('kind'));
  const [kind, setKind] = useState<WorkKind>(given ?? 'packages');
  const target = targetOf(address);
  const preview = useRead<JobPreview>(
    '/api/v1/jobs/preview',
    { ...target, kind },
    { every: false },
  );
  const hostWords = Object.keys(target).length === 0 ? ['--every-host'] : filterWords(address);
  const [words, setWords] = useState<readonly string[]>(['packages', 'upgrade']);
  const [last, setLast] = useState<readonly string[]>([]);
  const onFields = (fields: FormData) => {
    const work = workOf(kind, fields);
    setWords([...workWords(work), ...pacingWords(fields)]);
    setLast(lastWords(work));
  };
  return (
    <>
      <PageHead
        title="New job"
        up={{ path: '/jobs', text: 'Jobs' }}
        cli={commandLine('jobs', 'run', ...words, ...hostWords, ...last)}
      />
      <PageBody isBusy={preview.isFetching}>
        <div className="hf-two">
          <section aria-label="What it does">
            <JobForm {...{ kind, setKind, onFields, address }} preview={preview.data} />
          </section>
          <section aria-label="Where it goes">
            <FilterBar filters={TARGET_FILTERS} />
            {address.has('hostname') && (
              <p className="hf-line">
                Only {address.get('hostname')}
                <Button variant="link" isInline onClick={() => address.change({ hostname: null })}>
                  Other hosts
                </Button>
              </p>
            )}
            <ProblemAlert error={preview.error} onRetry={() => void preview.refetch()} />
            {preview.data !== undefined && <Preview preview={preview.data} />}
          </section>
        </div>
      </PageBody>
    </>
  );
}

function targetOf(address: Address): Record<string, string> {
  const { state: _, ...target } = hostQuery(address);
  return target;
}

interface FormProps {
  readonly kind: WorkKind;
  setKind(kind: WorkKind): void;
  onFields(fields: FormData): void;
  readonly address: Address;
  readonly preview: JobPreview | undefined;
}

function JobForm({ kind, setKind, onFields, address, preview }: FormProps) {
  const [, navigate] = useLocation();
  const making = useAct(async (fields: FormData) => {
    const work = workOf(kind, fields);
    const body = {
      name: textOf(fields, 'name') || workText(work).slice(0, 255),
      work,
      ...pacingOf(fields),
      target: bodyTarget(targetOf(address)),
      digest: preview?.digest,
    };
    return ask<MadeJob>('POST', '/api/v1/jobs', { body });
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    making.mutate(fields, { onSuccess: ({ id }) => navigate(`/jobs/${id}`) });
  };
  const hosts = preview?.hosts.length ?? 0;
  return (
    <Form onSubmit={onSubmit} onChange={(event) => onFields(new FormData(event.currentTarget))}>
      <FormSection>
        <ChoiceField
          name="kind"
          label="Kind"
          options={WORK_KINDS}
          start={kind}
          onChange={(value) => setKind(value as WorkKind)}
        />
        <WorkFields key={kind} kind={kind} start={address} />
        <TextField name="name" label="Name of the job" help="Empty: it follows from the work." />
      </FormSection>
      <PacingFields />
      <ProblemAlert error={making.error} />
      <div>
        <Button
          type="submit"
          isDisabled={hosts === 0 || making.isPending}
          isLoading={making.isPending}
        >
          {`Run on ${numberText(hosts)} ${hosts === 1 ? 'host' : 'hosts'}`}
        </Button>
      </div>
    </Form>
  );
}

const FLAGS = ['online', 'upgradable', 'security', 'reboot', 'failed'];

/** In a body flags are no texts, and selectors a list. */
function bodyTarget(query: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      if (FLAGS.includes(name)) return [name, value === 'true'];
      return [name, name === 'label' ? [value] : value];
    }),
  );
}
