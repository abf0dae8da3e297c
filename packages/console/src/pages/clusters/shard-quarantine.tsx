// The rows of a shard that could not be carried to the other release, each with the reason, and the
// one thing that can be done here: to try them again. Correcting them is up to who knows the data.

import type { Quarantined, Retried, Shard } from '@halflap/server';
import { Alert } from '@patternfly/react-core';
import { useState } from 'react';
import { ask } from '../../api/client';
import { useList } from '../../api/queries';
import { CliLine } from '../../components/cli-line';
import type { Column } from '../../components/data-table';
import { TextField } from '../../components/fields';
import { askedOf, type Filter, FilterBar } from '../../components/filter-bar';
import { FormModal } from '../../components/form-modal';
import { ListView } from '../../components/list-view';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';
import { textOf } from '../../state/field-values';
import { useMay } from '../../state/session';
import { commandLine, numberText } from '../../state/words';

interface Props {
  readonly shard: Shard;
  readonly path: string;
}

export function QuarantinePart({ shard, path }: Props) {
  const address = useAddress();
  const mayWrite = useMay('cluster:write');
  // Not in the row, which is gone once it is carried.
  const [retried, setRetried] = useState<Retried | null>(null);
  const retrying = { shard, path, onRetried: setRetried };
  const relations = shard.quarantine.map(({ relation }) => relation);
  const filters: readonly Filter[] = [
    { kind: 'choice', name: 'relation', label: 'Table', options: relations },
  ];
  const query = useList<Quarantined>(`${path}/quarantine`, askedOf(address, filters));
  const columns: Column<Quarantined>[] = [
    { head: 'Table', cell: ({ relation }) => relation },
    { head: 'Key', cell: ({ key }) => <code>{keyText(key)}</code> },
    { head: 'Reason', cell: ({ reason }) => reason },
    { head: 'SQLSTATE', cell: ({ sqlstate }) => sqlstate },
    { head: 'Noticed', cell: ({ noticedAt }) => <When at={noticedAt} /> },
  ];
  if (mayWrite) {
    columns.push({ head: '', cell: (row) => <Retry {...retrying} row={row} /> });
  }
  return (
    <div className="hf-stack">
      <p className="hf-quiet">
        Correct a row as the older release sees it: it leaves the list when it can be carried.
        Contract is refused until the list is empty.
      </p>
      <div className="hf-line">
        {relations.length > 1 && <FilterBar filters={filters} />}
        {mayWrite && shard.quarantined > 0 && <Retry {...retrying} />}
      </div>
      <div aria-live="polite">{retried !== null && <Outcome {...retried} />}</div>
      <ListView
        label="Rows in quarantine"
        query={query}
        columns={columns}
        keyOf={({ id }) => id}
        missing={(name) => `${name} does not answer`}
        empty="Every row of the older release has been carried."
      />
    </div>
  );
}

/** `id=4, code=x`; of a TRUNCATE there is no key. */
function keyText(key: Quarantined['key']): string {
  const parts = Object.entries(key).map(([name, value]) => `${name}=${String(value)}`);
  return parts.length === 0 ? 'the whole table' : parts.join(', ');
}

interface RetryProps extends Props {
  readonly row?: Quarantined;
  onRetried(retried: Retried): void;
}

/** Of one row, or of the oldest ones. */
function Retry({ shard, path, row, onRetried }: RetryProps) {
  const what = row === undefined ? 'the rows' : `${row.relation} ${keyText(row.key)}`;
  const { cluster, name } = shard;
  const words = ['clusters', 'shards', 'retry', cluster.name, name];
  const one = row === undefined ? [] : ['--row', row.id];
  return (
    <FormModal
      text={row === undefined ? 'Try all again' : 'Try again'}
      label={row === undefined ? 'Try all again' : `Try again: ${what}`}
      size="sm"
      variant="secondary"
      title={`Try ${what} again?`}
      submit="Try again"
      act={async (fields) => {
        const reason = textOf(fields, 'reason');
        const body = {
          ...(row === undefined ? {} : { rows: [row.id] }),
          ...(reason === '' ? {} : { reason }),
        };
        onRetried(await ask<Retried>('POST', `${path}/quarantine/retry`, { body }));
      }}
    >
      <p>
        What stood in the way may be gone. A row that cannot be carried yet stays where it is, and
        no row is taken away that was not carried.
        {row === undefined && ' Of many the 500 oldest are tried.'}
      </p>
      <TextField name="reason" label="Why" help="For the audit log." />
      <CliLine line={commandLine(...words, ...one)} />
    </FormModal>
  );
}

function Outcome({ tried, carried, left }: Retried) {
  const rows = `${numberText(carried)} of ${numberText(tried)} rows carried`;
  const title =
    tried === 0
      ? 'None of them is tried here: the next verify looks at them'
      : `${rows}, ${numberText(left)} left`;
  const variant = carried === tried && tried > 0 ? 'success' : 'warning';
  return <Alert component="p" isInline variant={variant} title={title} />;
}
