// What a job on one host left, as evidence for people: its end, and the last lines that it wrote.

import { RUN_COLUMNS, type RunRow } from '../jobs/queries.js';
import type { Store } from '../store/store.js';

export interface JobEvidence {
  readonly message: string;
  readonly lines: readonly string[];
}

/** Pieces of output that are read, and lines and letters of them that are kept. */
const MOST = { pieces: 20, lines: 20, letters: 500 } as const;

export async function jobEvidence(store: Store, job: string): Promise<JobEvidence> {
  const { rows } = await store.home.query<{ host_id: string }>(
    'select host_id from job_hosts where job_id = $1',
    [job],
  );
  const host = rows[0]?.host_id ?? '';
  const [run] = await store.readHost<RunRow>(
    host,
    `select ${RUN_COLUMNS} from job_runs as r where r.job_id = $1 and r.host_id = $2`,
    [job, host],
  );
  if (run === undefined) return { message: 'nothing is known of its job', lines: [] };
  const pieces = await store.readHost<{ text: string }>(
    host,
    'select text from job_output where run_id = $1 order by number desc limit $2',
    [run.id, MOST.pieces],
  );
  const text = pieces
    .reverse()
    .map((piece) => piece.text)
    .join('');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const code = run.exit_code === null ? '' : `, exit code ${run.exit_code}`;
  return {
    message: run.message || `${run.state}${code}`,
    lines: lines.slice(-MOST.lines).map((line) => line.slice(0, MOST.letters)),
  };
}
