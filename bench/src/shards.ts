// Databases to measure on: one server, and a shard of the example in each phase of its life.

import { fileURLToPath } from 'node:url';
import {
  type Bundle,
  compile,
  type Evolution,
  lineage,
  listReleases,
  loadParser,
  loadRelease,
  type Release,
  runVerb,
} from '@halflap/engine';
import {
  type PostgresServer,
  startPostgres,
  useServer,
  withDatabase,
} from '@halflap/engine/testing';
import type { Verb } from '@halflap/protocol';
import { Client } from 'pg';
import { fill } from './data.js';

const RELEASES = fileURLToPath(new URL('../../examples/inventory/releases', import.meta.url));

/** Two releases and the way between them. */
export interface Pair {
  readonly from: Release;
  readonly to: Release;
  readonly bundle: Bundle;
}

export interface Bench extends Pair {
  readonly server: PostgresServer;
}

/** No vacuum and no checkpoint in the middle of a comparison; data in memory. */
const SETTINGS = {
  shared_buffers: '512MB',
  autovacuum: 'off',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
};

/** `isDurable`: commits wait for the disk, which startPostgres() spares tests otherwise. */
export async function startBench(isDurable: boolean): Promise<Bench> {
  const durable = isDurable ? { fsync: 'on', full_page_writes: 'on' } : {};
  const server = await startPostgres({ settings: { ...SETTINGS, ...durable } });
  try {
    useServer(server.url('postgres'));
    await loadParser();
    return { server, ...(await loadPair('inventory', RELEASES)) };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The two releases of a directory, on the bench's server. */
export async function loadPair(app: string, releases: string): Promise<Pair> {
  const directories = await listReleases(releases);
  const [from, to] = await Promise.all(
    directories.map(({ directory }) => loadRelease(directory, { withDatabase })),
  );
  const [evolution] = (await lineage(directories)) as [Evolution];
  if (from === undefined || to === undefined) throw new Error(`two releases in ${releases}`);
  return { from, to, bundle: compile({ app, from, to, evolution }) };
}

/** A database of the release, filled and at rest. */
export async function createFilled(
  { server }: Bench,
  {
    name,
    release,
    rows,
  }: { readonly name: string; readonly release: Release; readonly rows: number },
): Promise<string> {
  await server.createDatabase(name);
  const url = server.url(name);
  await withClient(url, async (client) => {
    await client.query(release.schemaSql);
    await fill(client, release.version, rows);
    await client.query('vacuum (freeze, analyze)');
  });
  return url;
}

export async function clone({ server }: Bench, from: string, to: string): Promise<string> {
  await server.createDatabase(to, { template: from });
  return server.url(to);
}

export async function drive({ bundle }: Pair, url: string, verbs: readonly Verb[]) {
  const outcomes = [];
  for (const verb of verbs) {
    const shard = new URL(url).pathname.slice(1);
    outcomes.push(await runVerb({ url, shard, bundle, verb }));
  }
  return outcomes;
}

/**
 * Expands up to the barrier before the switch and stays there until the result is called: an open
 * transaction without a snapshot holds the barrier and nothing else.
 */
export async function holdExpanding(bench: Bench, url: string): Promise<() => Promise<void>> {
  await drive(bench, url, ['prepare']);
  const holder = new Client({ connectionString: url });
  await holder.connect();
  await holder.query('begin');
  let expanding: Promise<unknown> | undefined;
  await new Promise<void>((resolve, reject) => {
    expanding = runVerb({
      url,
      shard: 'expanding',
      bundle: bench.bundle,
      verb: 'expand',
      onProgress: ({ step, waitingFor }) => {
        if (step === 'expand/barrier' && waitingFor !== null) resolve();
      },
    });
    expanding.catch(reject);
  });
  return async () => {
    await holder.query('commit');
    await holder.end();
    await expanding;
  };
}

export async function withClient<Result>(
  url: string,
  body: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}
