// What servers of two releases pay for each other: a question about a feature or a behaviour, a
// message written and read in either form, and a heartbeat that says what the server supports,
// against one that does not. The first are computed in the process, so a median of rounds is all.

import { fileURLToPath } from 'node:url';
import { open } from '@halflap/client';
import {
  compileServers,
  enableFeature,
  installRelease,
  loadParser,
  loadRelease,
  parseServers,
} from '@halflap/engine';
import { withDatabase } from '@halflap/engine/testing';
import { quantile } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, withClient } from './shards.js';

export interface SkewFigures {
  readonly calls: readonly { readonly what: string; readonly nanoseconds: number }[];
  /** Median of one heartbeat's statement, in microseconds. */
  readonly heartbeat: { readonly plain: number; readonly declaring: number };
}

const APP = 'halflap';
const RELEASE = fileURLToPath(new URL('../../packages/server/releases/1.0', import.meta.url));
const SHARD = 's1';
const OLD = `
messages:
  host_changed: { id: integer, name: text, owner?: text, memory_mb?: integer, street?: text }
`;
const NEW = `
features:
  quotas: { about: quotas per team, reversible: true }
behaviours:
  loud: { about: the status in upper case, changed: "1.0" }
messages:
  host_moved:
    { id: integer, name: text, team?: text, memory?: integer, address?: { street?: text } }
changes:
  - rename_message: { message: host_changed, to: host_moved }
  - rename_field: { message: host_changed, field: owner, to: team }
  - convert_field:
      message: host_changed
      field: memory_mb
      to: memory
      up: memory_mb * 1024
      down: memory / 1024
  - nest_fields: { message: host_changed, fields: [street], into: address }
`;
const BODY = { id: 7, name: 'web-7', team: 'ops', memory: 4096, address: { street: 'Elm' } };

export async function measureSkew(
  { server }: Bench,
  { rounds, burst }: BenchOptions,
  tell: (line: string) => void,
): Promise<SkewFigures> {
  tell('skew: features, behaviours, messages');
  await loadParser();
  await server.createDatabase('skew');
  const url = server.url('skew');
  const release = await loadRelease(RELEASE, { withDatabase });
  await installRelease({ url, app: APP, release });
  const from = parseServers(OLD, { file: '0.9', version: '0.9' });
  const to = parseServers(NEW, { file: '1.0', version: release.version });
  const servers = compileServers({ app: APP, from, to });
  const shards = [{ name: SHARD, url }];
  const fleet = await open({
    app: APP,
    release: release.version,
    shards,
    servers,
    leaseSeconds: 3,
  });
  try {
    await enableFeature({ app: APP, shards, feature: 'quotas', by: 'bench' });
    await fleet.check();
    const { messages } = fleet;
    const own = messages.encode('host_moved', BODY);
    const old = writtenBefore();
    const median = (what: string, call: () => unknown) => {
      const times = Array.from({ length: rounds }, () => timed(call, burst * 100));
      return { what, nanoseconds: quantile(times, 0.5) };
    };
    const calls = [
      median('isEnabled', () => fleet.isEnabled('quotas')),
      median('behaves', () => fleet.behaves('loud', '0.9')),
      median('JSON.stringify of the body', () => JSON.stringify(BODY)),
      median('encode', () => messages.encode('host_moved', BODY)),
      median('decode, own form', () => messages.decode(own)),
      median('decode, the form before', () => messages.decode(old)),
    ];
    return { calls, heartbeat: await heartbeats(url, JSON.stringify(servers), rounds * burst) };
  } finally {
    await fleet.close();
  }
}

/** As a server of the release before writes it. */
function writtenBefore(): string {
  const body = { id: 7, name: 'web-7', owner: 'ops', memory_mb: 4, street: 'Elm' };
  return JSON.stringify({ halflap: 1, id: 'm1', type: 'host_changed', level: '0.9', body });
}

/** Nanoseconds for one call. */
function timed(call: () => unknown, count: number): number {
  const startedAt = process.hrtime.bigint();
  for (let at = 0; at < count; at += 1) call();
  return Number(process.hrtime.bigint() - startedAt) / count;
}

/** Both statements in turn, each on a lease of its own, without a feature in their way. */
async function heartbeats(url: string, about: string, count: number) {
  const times = { plain: [] as number[], declaring: [] as number[] };
  await withClient(url, async (client) => {
    await client.query('delete from halflap.feature');
    const { rows } = await client.query(`select gen_random_uuid() as a, gen_random_uuid() as b`);
    const statements = {
      plain: [`select * from halflap.renew_lease($1, 'bench', '1.0', 'native', 30)`, [rows[0].a]],
      declaring: [
        `select * from halflap.register_server($1, 'bench', '1.0', 'native', 30, $2)`,
        [rows[0].b, about],
      ],
    } as const;
    for (let at = 0; at < count; at += 1) {
      for (const kind of ['plain', 'declaring'] as const) {
        const startedAt = performance.now();
        await client.query(statements[kind][0], [...statements[kind][1]]);
        times[kind].push((performance.now() - startedAt) * 1000);
      }
    }
  });
  return { plain: quantile(times.plain, 0.5), declaring: quantile(times.declaring, 0.5) };
}
