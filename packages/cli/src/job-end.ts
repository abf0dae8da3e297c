// Waits for a job's end, in view, and says how it ended; the exit code says whether every host
// succeeded.

import { EXIT } from '@halflap/protocol';
import type { Job, JobRun } from '@halflap/server';
import type { ApiClient } from './api/client.js';
import { watching, watchJob } from './api/job-watch.js';
import { OPERATIONS } from './api/operations.js';
import { createJobProgress, type JobProgress } from './job-progress.js';
import { countsText, paint, runColumns } from './job-view.js';
import type { Printer } from './print.js';
import { hostsText } from './quantities.js';
import { table } from './table.js';

/** Hosts that are named at the end; `halflap jobs hosts` has all of them. */
const NAMED = 20;
/** What a host that did not succeed may have ended in. */
const UNSUCCESSFUL = [
  ...['failed', 'timed_out', 'refused', 'lost', 'cancelled', 'expired', 'skipped'],
];

/** How a job is watched: `seen` is told how far it is. @returns the job that has ended */
export type Watch = (seen: (job: Job) => void, progress: JobProgress) => Promise<Job>;

/** @throws what `ask` does */
export async function awaitJob(
  client: ApiClient,
  printer: Printer,
  id: string,
  watch: Watch = (seen) => watchJob(client, id, seen),
): Promise<void> {
  const progress = createJobProgress(printer);
  let job: Job;
  try {
    job = await watching(client, () => watch((seen) => progress.update(seen), progress));
  } finally {
    progress.stop();
  }
  await tellEnd(client, printer, job);
}

async function tellEnd(client: ApiClient, printer: Printer, job: Job): Promise<void> {
  const { id, state, hosts, counts, stopReason } = job;
  printer.json({ event: 'outcome', job: id, state, hosts, counts, stopReason });
  const bad = state === 'succeeded' ? [] : await unsuccessful(client, id);
  if (bad.length > 0) {
    const columns = runColumns(printer.colors, new Date());
    const rows = bad.slice(0, NAMED).map((run) => columns.map(({ cell }) => cell(run)));
    printer.line(
      table(
        columns.map(({ title }) => title),
        rows,
        printer.width,
      ),
    );
    if (bad.length > NAMED) printer.line(`and others: halflap jobs hosts ${id}`);
  }
  const why = stopReason === null ? '' : `, ${stopReason}`;
  printer.line(
    `${paint(state, state, printer.colors)}: ${hostsText(hosts)}, ` +
      `${countsText(counts, printer.colors)}${why}`,
  );
  if (state !== 'succeeded') process.exitCode = EXIT.refused;
}

async function unsuccessful(client: ApiClient, id: string): Promise<readonly JobRun[]> {
  const { items } = await client.ask(OPERATIONS.listJobRuns, {
    params: { id },
    query: { state: UNSUCCESSFUL, limit: NAMED + 1 },
  });
  return items;
}
