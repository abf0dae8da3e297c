// One page of a list with what belongs to it: that it is coming or has failed, shards that are
// missing from it, how many there are, the way to the next page.

import type { Page } from '@halflap/server';
import { Alert, Button, Skeleton } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import { useAddress } from '../state/address';
import { numberText } from '../state/words';
import { type Column, DataTable, type Sorting } from './data-table';
import { ProblemAlert } from './problem-alert';

interface Props<Item> {
  readonly query: UseQueryResult<Page<Item>>;
  readonly label: string;
  readonly columns: readonly Column<Item>[];
  keyOf(item: Item): string;
  readonly empty: string;
  readonly sorting?: Sorting;
  /** What is said where a shard does not answer; else that hosts are missing. */
  missing?(names: string): string;
  /** Of a full page, for `51–100 of 10,000`. */
  readonly pageSize?: number;
}

const PAGE_SIZE = 50;
const SKELETONS = ['60%', '75%', '50%', '70%', '65%'];

export function ListView<Item>(props: Props<Item>) {
  const { query, pageSize = PAGE_SIZE, missing, ...table } = props;
  const { data, error, refetch, isPlaceholderData } = query;
  if (data === undefined && error !== null) {
    return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  }
  if (data === undefined) {
    return (
      <div className="hf-loading" aria-busy="true">
        {SKELETONS.map((width) => (
          <Skeleton key={width} width={width} screenreaderText={`${table.label} is coming`} />
        ))}
      </div>
    );
  }
  return (
    <div aria-busy={isPlaceholderData}>
      <ProblemAlert error={error} onRetry={() => void refetch()} />
      <MissingShards page={data} {...(missing === undefined ? {} : { missing })} />
      <DataTable {...table} items={data.items} />
      <Pager page={data} pageSize={pageSize} />
    </div>
  );
}

interface MissingProps {
  readonly page: Pick<Page<unknown>, 'shards'>;
  missing?(names: string): string;
}

export function MissingShards({ page, missing = withoutHosts }: MissingProps) {
  const silent = (page.shards ?? []).filter(({ ok }) => !ok);
  if (silent.length === 0) return null;
  const names = silent.map(({ shard }) => shard).join(', ');
  return (
    <Alert component="p" isInline variant="warning" title={missing(names)}>
      {silent.map(({ shard, error }) => (
        <p key={shard}>
          {shard}: {error ?? 'it does not answer'}
        </p>
      ))}
    </Alert>
  );
}

function withoutHosts(names: string): string {
  return `Hosts on ${names} are missing from this list`;
}

interface PagerProps {
  readonly page: Page<unknown>;
  readonly pageSize: number;
}

function Pager({ page, pageSize }: PagerProps) {
  const address = useAddress();
  const number = Number(address.get('page') || 1);
  const { next } = page;
  if (number === 1 && next === null && typeof page.total !== 'number') return null;
  const first = (number - 1) * pageSize + 1;
  const shown = page.items.length === 0 ? '0' : `${first}–${first + page.items.length - 1}`;
  const total = typeof page.total === 'number' ? ` of ${numberText(page.total)}` : '';
  return (
    <nav className="hf-pager" aria-label="Pages of the list">
      <span>
        {shown}
        {total}
      </span>
      <Button
        variant="secondary"
        size="sm"
        isDisabled={number === 1}
        onClick={() => address.turn({ cursor: null, page: null })}
      >
        First
      </Button>
      <Button
        variant="secondary"
        size="sm"
        isDisabled={number === 1}
        onClick={() => history.back()}
      >
        Previous
      </Button>
      <Button
        variant="secondary"
        size="sm"
        isDisabled={next === null}
        onClick={() => address.turn({ cursor: next, page: String(number + 1) })}
      >
        Next
      </Button>
    </nav>
  );
}
