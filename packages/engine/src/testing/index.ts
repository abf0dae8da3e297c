// A real PostgreSQL and fresh databases for tests, checks and demonstrations; and one that stays,
// for a machine that has none.
export {
  type FreshDatabase,
  type FreshOptions,
  freshDatabase,
  type ScratchServer,
  useServer,
  withDatabase,
  withScratchServer,
} from './databases.js';
export {
  type PostgresServer,
  type StartOptions,
  startPostgres,
  withPostgres,
} from './embedded.js';
export {
  chooseInstallation,
  findInstallations,
  type PostgresInstallation,
  SUPPORTED_MAJORS,
} from './installation.js';
export { type KeptServer, keptUrls, startKept } from './kept.js';
