// One PostgreSQL for a whole test run: started before the first test file, stopped after the last.

import { startPostgres } from '@halflap/engine/testing';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL on the run's server. */
    serverUrl: string;
  }
}

export default async function startServer(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  project.provide('serverUrl', server.url('postgres'));
  return () => server.stop();
}
