// One PostgreSQL for a whole test run: started before the first test file, stopped after the last.
// HALFLAP_TEST_MAJOR=15 chooses its version among those that the machine has; the newest that npm
// brings serves otherwise.

import {
  chooseInstallation,
  type PostgresInstallation,
  startPostgres,
} from '@halflap/engine/testing';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL on the run's server. */
    serverUrl: string;
    /** The programs of the run's server, for tests that start one of their own. */
    installation: PostgresInstallation;
  }
}

export default async function startServer(project: TestProject): Promise<() => Promise<void>> {
  const major = process.env.HALFLAP_TEST_MAJOR;
  const wanted = major === undefined ? undefined : Number(major);
  const installation = await chooseInstallation(wanted, process.env);
  const server = await startPostgres({ installation });
  project.provide('serverUrl', server.url('postgres'));
  project.provide('installation', installation);
  return () => server.stop();
}
