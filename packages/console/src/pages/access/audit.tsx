// The audit log: who did what, and whether it is what was written.

import type { AuditEntry, AuditVerified } from '@halflap/server';
import { Alert, Button } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import type { Column } from '../../components/data-table';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { PageBody, PageHead } from '../../components/page-head';
import { ProblemAlert } from '../../components/problem-alert';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { commandLine, numberText } from '../../state/words';

const FILTERS: readonly Filter[] = [
  { kind: 'text', name: 'actor', label: 'By', example: 'anna' },
  { kind: 'text', name: 'act', label: 'Act', example: 'job.create' },
  { kind: 'text', name: 'target', label: 'To what', example: 'user ben' },
  {
    kind: 'choice',
    name: 'outcome',
    label: 'Outcome',
    options: ['intended', 'done', 'refused', 'failed'],
  },
];

const COLUMNS: readonly Column<AuditEntry>[] = [
  { head: 'Number', isNarrow: true, cell: ({ number }) => number },
  { head: 'When', cell: ({ at }) => <When at={at} /> },
  { head: 'By', cell: ({ actor }) => actor || <span className="hf-quiet">nobody known</span> },
  { head: 'From', cell: ({ address }) => address },
  { head: 'Act', cell: ({ act }) => act },
  { head: 'To what', cell: ({ target }) => target },
  { head: 'Outcome', isNarrow: true, cell: ({ outcome }) => <StateLabel state={outcome} /> },
  {
    head: 'More',
    cell: ({ detail }) =>
      Object.keys(detail).length === 0 ? (
        <span className="hf-quiet">–</span>
      ) : (
        <code className="hf-detail">{JSON.stringify(detail)}</code>
      ),
  },
];

export function AuditPage() {
  const address = useAddress();
  const query = useList<AuditEntry>('/api/v1/audit', askedOf(address, FILTERS));
  const words = FILTERS.flatMap(({ name }) =>
    address.has(name) ? [`--${name}`, address.get(name)] : [],
  );
  return (
    <>
      <PageHead
        title="Audit log"
        about="Every act, with its hash over all before it."
        cli={commandLine('audit', 'list', ...words)}
      />
      <PageBody>
        <Verify />
        <div>
          <FilterBar filters={FILTERS} />
          <ListView
            label="Audit log"
            query={query}
            columns={COLUMNS}
            keyOf={({ number }) => number}
            empty="No entry is like that."
          />
        </div>
      </PageBody>
    </>
  );
}

function Verify() {
  const verifying = useMutation({
    mutationFn: () => ask<AuditVerified>('GET', '/api/v1/audit/verify'),
  });
  const found = verifying.data;
  return (
    <section aria-label="Verify" className="hf-verify">
      <div className="hf-line">
        <Button
          variant="secondary"
          isLoading={verifying.isPending}
          onClick={() => verifying.mutate()}
        >
          Verify
        </Button>
        <CliLine line={commandLine('audit', 'verify')} />
      </div>
      <ProblemAlert error={verifying.error} />
      {found !== undefined && (
        <Alert
          component="p"
          isInline
          variant={found.ok ? 'success' : 'danger'}
          title={
            found.ok
              ? `All ${numberText(found.entries)} entries are as they were written`
              : `Entry ${found.broken?.number} is wrong: ${found.broken?.reason}`
          }
        >
          The last is {found.head.number}, with the hash <code>{found.head.hash}</code>
        </Alert>
      )}
    </section>
  );
}
