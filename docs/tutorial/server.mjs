// A PostgreSQL server for the tutorial, with one database per shard. Needs nothing installed;
// Ctrl-C takes all of it away again. Writes the address of each shard to a file: eu1.url,
// us1.url.

import { writeFileSync } from 'node:fs';
import { startPostgres } from '@halflap/engine/testing';

const server = await startPostgres();
for (const shard of ['eu1', 'us1']) {
  await server.createDatabase(shard);
  writeFileSync(`${shard}.url`, server.url(shard), { mode: 0o600 });
}
process.stdout.write(`PostgreSQL ${server.version} is ready; Ctrl-C ends it\n`);

const waiting = setInterval(() => {}, 60_000);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    clearInterval(waiting);
    await server.stop();
  });
}
