// How long a look at a large cluster takes, and how soon a change of it is told to whoever watches.
// The yardstick is to connect to every shard and ask for nothing.

import { installRelease } from '@halflap/engine';
import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import { Client } from 'pg';
import { quantile } from '../measure.js';
import type { BenchOptions } from '../options.js';
import type { Bench } from '../shards.js';
import { type Caller, call, lasting, withGround } from './ground.js';

export interface MatrixFigures {
  readonly servers: number;
  readonly shards: number;
  readonly times: number;
  /** To connect to every shard at once, and end. */
  readonly connectMs: number;
  readonly lookP50Ms: number;
  readonly lookP95Ms: number;
  /** From a change on one shard until a live view has told the matrix. */
  readonly toldP50Ms: number;
  readonly toldP95Ms: number;
}

const SIZE = { servers: 200, shards: 100 } as const;
const STORE_SHARDS = 2;
/** Looks of viewers within so long are one. */
const APART_SECONDS = 1.1;
const TEMPLATE = 'shard';

export async function measureMatrix(
  bench: Bench,
  { requests, isDurable }: BenchOptions,
  tell: (line: string) => void,
): Promise<MatrixFigures> {
  const settings = { max_connections: '400', shared_buffers: '512MB' };
  const postgres = await startPostgres({ settings });
  try {
    tell(`matrix: ${SIZE.servers} servers on ${SIZE.shards} shards are made`);
    const shards = await makeShards(postgres, bench);
    return await withGround({ shards: STORE_SHARDS, isDurable }, async (ground) => {
      const caller = { server: await ground.startServer(), token: ground.token };
      const names = Array.from({ length: SIZE.servers }, (_, at) => serverName(at));
      const { id } = await call<{ id: string }>(caller, '/clusters', {
        ...{ name: 'large', app: 'inventory', shards },
        servers: { named: names.map((name) => ({ name, host: 'nowhere' })) },
        commands: { upgrade: { run: ['/bin/true'] } },
      });
      const times = Math.ceil(requests / 10);
      tell(`matrix: ${times} looks`);
      const connects = await repeat(times, () => timed(() => connectToAll(shards)));
      const looks = await repeat(times, () => timed(() => call(caller, `/clusters/${id}/matrix`)));
      tell(`matrix: ${times} changes`);
      const told = await changesTold(caller, id, { url: shards[0]?.url ?? '', times });
      return {
        ...{ ...SIZE, times, connectMs: quantile(connects, 0.5) },
        ...{ lookP50Ms: quantile(looks, 0.5), lookP95Ms: quantile(looks, 0.95) },
        ...{ toldP50Ms: quantile(told, 0.5), toldP95Ms: quantile(told, 0.95) },
      };
    });
  } finally {
    await postgres.stop();
  }
}

const serverName = (at: number) => `app${at + 1}`;

async function makeShards(postgres: PostgresServer, { from }: Bench) {
  await postgres.createDatabase(TEMPLATE);
  const url = postgres.url(TEMPLATE);
  await installRelease({ url, app: 'inventory', shard: TEMPLATE, release: from });
  await withClient(url, (client) =>
    client.query(
      `select halflap.renew_lease(gen_random_uuid(), 'app' || n, $1, 'native', 86400)
       from generate_series(1, $2::int) as n`,
      [from.version, SIZE.servers],
    ),
  );
  const names = Array.from({ length: SIZE.shards }, (_, at) => `eu${at + 1}`);
  for (const name of names) await postgres.createDatabase(name, { template: TEMPLATE });
  return names.map((name) => ({ name, url: postgres.url(name) }));
}

async function connectToAll(shards: readonly { readonly url: string }[]): Promise<void> {
  await Promise.all(shards.map(({ url }) => withClient(url, async () => {})));
}

/** A server loses its lease on the shard, or has it again: how soon a live view tells that. */
async function changesTold(
  { server, token }: Caller,
  cluster: string,
  { url, times }: { readonly url: string; readonly times: number },
): Promise<number[]> {
  const stopping = new AbortController();
  const response = await fetch(`${server.ready.address}/api/v1/clusters/${cluster}/live`, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
    signal: stopping.signal,
  });
  const events = matrices(response);
  await events.next();
  const told: number[] = [];
  for (let n = 0; n < times; n += 1) {
    // Anywhere between two looks of the server.
    await lasting(Math.random());
    const hours = n % 2 === 0 ? -1 : 1;
    await withClient(url, (client) =>
      client.query(
        `update halflap.lease set expires_at = now() + make_interval(hours => $1)
         where server = $2`,
        [hours, serverName(0)],
      ),
    );
    const begun = performance.now();
    await events.next();
    told.push(performance.now() - begun);
  }
  stopping.abort();
  return told;
}

/** One for each event `matrix` of the stream. */
async function* matrices(response: Response): AsyncGenerator<void> {
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) if (/^event: ?matrix$/m.test(event)) yield;
  }
}

async function repeat(times: number, body: () => Promise<number>): Promise<number[]> {
  const taken: number[] = [];
  for (let n = -1; n < times; n += 1) {
    await lasting(APART_SECONDS);
    const one = await body();
    if (n >= 0) taken.push(one);
  }
  return taken;
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await body();
  return performance.now() - begun;
}

async function withClient(url: string, body: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await body(client);
  } finally {
    await client.end();
  }
}
