// A job as people name it: its id, or enough of its beginning.

import type { JobSummary } from '@halflap/server';
import type { ApiClient } from './client.js';
import { findBeginning } from './find-beginning.js';
import { OPERATIONS } from './operations.js';

/** The id. @throws as `findBeginning` */
export function findJob(client: ApiClient, text: string): Promise<string> {
  return findBeginning(client, text, {
    what: 'job',
    operation: OPERATIONS.listJobs,
    about: ({ name, state }: JobSummary) => `${name}  ${state}`,
    list: 'halflap jobs list',
  });
}
