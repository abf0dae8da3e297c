// The store is an application that uses Halflap: a next release that takes `hosts` apart goes out
// shard by shard under servers of this one, and back.

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runVerb } from '@halflap/engine';
import { freshDatabase } from '@halflap/engine/testing';
import { searchPath, type Verb } from '@halflap/protocol';
import { APP, openStore, releasesDirectory } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { type Compiled, compileReleases } from '../evolving/releases.js';
import { LIMITS } from '../evolving/shard.js';
import { type JobCluster, openJobCluster } from './job-cluster.js';
import { SILENT } from './store.js';

/** What belongs to a host's session, in a table of its own. */
const MOVED = ['agent_version', 'protocol', 'allowed', 'abilities', 'server', 'fence'];
const TIMES = ['session_expires_at', 'connected_at', 'last_seen_at'];

const EVOLUTION = `from: "1.0"
changes:
  - split_table:
      table: hosts
      into:
        hosts: {}
        host_sessions: { key: { host_id: id } }
`;

let cluster: JobCluster;
let compiled: Compiled;

beforeAll(async () => {
  [compiled, cluster] = await Promise.all([compileNext(), openJobCluster()]);
});

afterAll(() => cluster.drop());

async function compileNext(): Promise<Compiled> {
  const directory = await mkdtemp(join(tmpdir(), 'halflap-next-'));
  try {
    await cp(join(releasesDirectory(), '1.0'), join(directory, '1.0'), { recursive: true });
    await mkdir(join(directory, '2.0'));
    const schema = await readFile(join(directory, '1.0/schema.sql'), 'utf8');
    await writeFile(join(directory, '2.0/schema.sql'), nextSchema(schema));
    await writeFile(join(directory, '2.0/evolution.yaml'), EVOLUTION);
    const [next] = await compileReleases(APP, directory);
    if (next === undefined) throw new Error('nothing was compiled');
    return next;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Of the text, so that the next release of the store need not be kept up by hand. */
function nextSchema(schema: string): string {
  const lines = schema.split('\n');
  const isMoved = (line: string) =>
    [...MOVED, ...TIMES].some((name) => line.startsWith(`  ${name} `));
  const end = lines.indexOf(') with (fillfactor = 80);');
  const hosts = lines.slice(0, end).filter((line) => !isMoved(line) && !/^ +--/.test(line));
  const moved = lines.slice(0, end).filter(isMoved);
  const last = (list: string[]) =>
    list.map((line, at) => (at < list.length - 1 ? line : line.replace(/,$/, '')));
  const index = 'create index hosts_server on hosts (server);';
  return [
    ...last(hosts),
    ...lines.slice(end, end + 1),
    'create table host_sessions (',
    '  host_id uuid primary key references hosts (id) on delete cascade,',
    ...last(moved),
    ');',
    ...lines.slice(end + 1),
  ]
    .join('\n')
    .replace(index, 'create index host_sessions_server on host_sessions (server);');
}

const run = (shard: { readonly name: string; readonly url: string }, verb: Verb) =>
  runVerb({
    ...{ url: shard.url, shard: shard.name, bundle: compiled.bundle, verb, limits: LIMITS },
    log: () => {},
  });

/** What the next release sees of the sessions on a shard, and what this one does. */
async function sessionsOn(url: string): Promise<[next: string[], now: string[]]> {
  const read = (path: string | null, sql: string) =>
    withClient(url, path, async (client) =>
      (await client.query<{ line: string }>(sql)).rows.map(({ line }) => line),
    );
  const line = `server || ' ' || fence as line`;
  return [
    await read(
      searchPath(APP, '2.0'),
      `select host_id || ' ' || ${line} from host_sessions order by 1`,
    ),
    await read(null, `select id || ' ' || ${line} from hosts order by 1`),
  ];
}

/** A server starts over shards of both releases, and leaves one that is empty as it is. */
async function startsBetween(): Promise<void> {
  const added = await freshDatabase();
  const warned: object[] = [];
  const log = { ...SILENT, warn: (detail: object) => warned.push(detail) };
  const shards = [...cluster.test.shards, { name: 's3', url: added.url }];
  const store = await openStore({ shards, server: 'three', poolSize: 1, log });
  const modes = store.fleet.status().map(({ mode }) => mode);
  expect(modes).toEqual(['native', 'native', 'refused']);
  expect(warned).toContainEqual({ shard: 's3', home: 's1', release: '1.0' });
  await store.close();
  await added.drop();
}

describe('the store', () => {
  it('goes to a next release and back, shard by shard, under servers that run jobs', async () => {
    const { made, hosts } = await cluster.fleet(8, () => ({ output: ['done'] }));
    const works = async (when: string) => {
      made[0]?.breakOff();
      const id = await cluster.run(hosts, {});
      expect((await cluster.ended(id)).counts, when).toEqual({ succeeded: hosts.length });
    };
    const [one, two] = cluster.test.shards;
    if (one === undefined || two === undefined) throw new Error('two shards are needed');
    await works('before');
    const seen: string[] = [];
    for (const shard of [two, one]) {
      for (const verb of ['prepare', 'expand', 'verify'] as const) {
        await run(shard, verb);
        await works(`${shard.name}: ${verb}`);
        const [next, now] = await sessionsOn(shard.url);
        expect(next, `${shard.name}: ${verb}`).toEqual(now);
        if (verb === 'verify') seen.push(...next);
      }
    }
    expect(seen).toHaveLength(hosts.length);
    await startsBetween();
    // Servers of this release hold their leases.
    await expect(run(one, 'contract')).rejects.toMatchObject({ code: 'CONTRACT_REFUSED' });
    await run(two, 'abort');
    await works('after an abort');
    await run(one, 'abort');
    await works('at the end');
  });
});
