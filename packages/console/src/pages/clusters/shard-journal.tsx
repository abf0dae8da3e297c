// The journal of a shard: which steps verbs have run, the newest first, with what each waited for,
// found, or failed by.

import type { ShardStep } from '@halflap/server';
import { useList } from '../../api/queries';
import type { Column } from '../../components/data-table';
import { askedOf } from '../../components/filter-bar';
import { ListView } from '../../components/list-view';
import { StateLabel } from '../../components/state-label';
import { When } from '../../components/when';
import { useAddress } from '../../state/address';

const COLUMNS: readonly Column<ShardStep>[] = [
  { head: 'Step', cell: ({ step }) => step },
  { head: 'Evolution', cell: ({ evolution }) => evolution.replace('..', ' → ') },
  {
    head: 'State',
    isNarrow: true,
    cell: ({ finishedAt, notes }) => {
      const hasFailed = notes.some((note) => note.startsWith('error: '));
      if (finishedAt !== null) return <StateLabel state="done" />;
      return hasFailed ? <StateLabel state="stopped" /> : <StateLabel state="open" />;
    },
  },
  { head: 'Begun', cell: ({ startedAt }) => <When at={startedAt} /> },
  { head: 'Finished', cell: ({ finishedAt }) => <When at={finishedAt} never="not yet" /> },
  { head: 'By', cell: ({ runner }) => runner },
  {
    head: 'What was found',
    cell: ({ notes }) =>
      notes.length === 0 ? <span className="hf-quiet">–</span> : notes.join('; '),
  },
];

export function JournalPart({ path }: { readonly path: string }) {
  const address = useAddress();
  const query = useList<ShardStep>(`${path}/journal`, askedOf(address, []));
  return (
    <ListView
      label="Steps"
      query={query}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      missing={(name) => `${name} does not answer`}
      empty="No verb has run here yet."
    />
  );
}
