// The jobs of one host: what became of each on it. The runs are on the host's shard, the names of
// the jobs on the home shard.

import { type Static, Type } from 'typebox';
import { RUN_COLUMNS, type RunRow } from '../../jobs/queries.js';
import { askHome } from '../../store/home.js';
import type { Api } from '../app.js';
import { Conditions } from '../conditions.js';
import { JobRun, jobRunOf } from '../job-shapes.js';
import { partPage } from '../part-page.js';
import { type Route, read } from '../route.js';
import { id, pageOf, paging } from '../shapes.js';

export const HostJob = Type.Object({
  ...JobRun.properties,
  job: id(),
  name: Type.String({ description: 'Of the job.' }),
});

interface HostRunRow extends RunRow {
  readonly job_id: string;
}

/** The latest first; those whose turn has not come before all others. Its text sorts as it does. */
const RELEASED = `to_char(coalesce(t.released_at, 'infinity'::timestamptz) at time zone 'utc',
  'YYYYMMDDHH24MISSUS')`;

export function hostJobRoutes(api: Api): readonly Route[] {
  return [
    read({
      method: 'GET',
      path: '/api/v1/hosts/:id/jobs',
      summary: 'Jobs of a host, the latest first, and what became of each on it.',
      permission: 'jobs:read',
      params: { id: id() },
      query: paging,
      answer: pageOf(HostJob),
      async handle({ params, query, scope }) {
        const asked = { hostId: params.id, scope, query, conditions: new Conditions() };
        const page = await partPage(api, asked, {
          // A part of a host is called t.
          columns: RUN_COLUMNS.replaceAll(/\br\./g, 't.'),
          table: 'job_runs',
          key: [RELEASED, 't.job_id'],
          direction: 'desc',
          keyType: 'text',
          item: (row: HostRunRow) => row,
        });
        const names = await namesOf(api, page.items);
        return { items: page.items.map((row) => hostJobOf(row, names)), next: page.next };
      },
    }),
  ];
}

async function namesOf(
  { store }: Api,
  runs: readonly HostRunRow[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await askHome<{ id: string; name: string }>(
    store,
    'select id, name from jobs where id = any($1::uuid[])',
    [runs.map(({ job_id }) => job_id)],
  );
  return new Map(rows.map(({ id, name }) => [id, name]));
}

function hostJobOf(row: HostRunRow, names: ReadonlyMap<string, string>): Static<typeof HostJob> {
  return { ...jobRunOf(row), job: row.job_id, name: names.get(row.job_id) ?? row.job_id };
}
