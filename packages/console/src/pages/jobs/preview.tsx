// Exactly which hosts a job would go to, before it is made.

import type { JobPreview } from '@halflap/server';
import { Alert, Button, Title } from '@patternfly/react-core';
import { useState } from 'react';
import { Link } from 'wouter';
import { type Column, DataTable } from '../../components/data-table';
import { StateLabel } from '../../components/state-label';
import { numberText } from '../../state/words';

type PreviewHost = JobPreview['hosts'][number];

const COLUMNS: readonly Column<PreviewHost>[] = [
  { head: 'Host', cell: ({ id, hostname }) => <Link href={`/hosts/${id}`}>{hostname}</Link> },
  {
    head: 'Now',
    cell: ({ online }) =>
      online ? (
        <StateLabel state="online" text="connected" />
      ) : (
        <StateLabel state="waiting" text="away: it is waited for" />
      ),
  },
  {
    head: 'Its policy',
    cell: ({ allowed }) =>
      allowed ? (
        <StateLabel state="done" text="allows it" />
      ) : (
        <StateLabel state="refused" text="refuses this kind" />
      ),
  },
];

const SHOWN = 25;

export function Preview({ preview }: { readonly preview: JobPreview }) {
  const [page, setPage] = useState(0);
  const { hosts, silentShards } = preview;
  const refusing = hosts.filter(({ allowed }) => !allowed).length;
  const away = hosts.filter(({ online }) => !online).length;
  const pages = Math.max(1, Math.ceil(hosts.length / SHOWN));
  const at = Math.min(page, pages - 1);
  return (
    <section aria-label="Preview">
      <Title headingLevel="h2" size="lg">
        {`It goes to ${numberText(hosts.length)} ${hosts.length === 1 ? 'host' : 'hosts'}`}
      </Title>
      {(away > 0 || refusing > 0) && (
        <p className="hf-quiet">
          {numberText(away)} away, {numberText(refusing)} refuse this kind of job
        </p>
      )}
      {silentShards.length > 0 && (
        <Alert
          component="p"
          isInline
          variant="warning"
          title={`Hosts on ${silentShards.join(', ')} are missing`}
        >
          These shards do not answer. A job that is made now does not go to their hosts.
        </Alert>
      )}
      <DataTable
        label="Hosts of the job"
        columns={COLUMNS}
        items={hosts.slice(at * SHOWN, (at + 1) * SHOWN)}
        keyOf={({ id }) => id}
        empty="No active host is like that."
      />
      {pages > 1 && (
        <nav className="hf-pager" aria-label="Pages of the preview">
          <span>{`${numberText(at + 1)} of ${numberText(pages)}`}</span>
          <Button
            size="sm"
            variant="secondary"
            isDisabled={at === 0}
            onClick={() => setPage(at - 1)}
          >
            Previous
          </Button>
          <Button
            size="sm"
            variant="secondary"
            isDisabled={at === pages - 1}
            onClick={() => setPage(at + 1)}
          >
            Next
          </Button>
        </nav>
      )}
    </section>
  );
}
