// Of three servers one is killed, and then another: until when are all agents back, and what do
// people notice who ask those that live meanwhile?

import { quantile } from '../measure.js';
import type { BenchOptions } from '../options.js';
import type { Latencies } from '../simulator/fleet.js';
import type { FleetChild } from './ground.js';
import { call, type Ground, lasting, type ServerChild, withGround } from './ground.js';
import type { ServerUsage } from './server-process.js';

/** How long requests took, in ms. */
export interface Watched {
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly mostMs: number;
}

export interface Storm {
  /** Servers that live when it is over. */
  readonly left: number;
  /** Agents of the server that was killed. */
  readonly lost: number;
  /** From the kill until every agent has a session. */
  readonly allBackMs: number;
  /** How long one agent was away. */
  readonly awayP50Ms: number;
  readonly awayP95Ms: number;
  /** Requests to a server that lives, before the kill and until all are back. */
  readonly quiet: Watched;
  readonly storm: Watched;
}

export interface ReconnectFigures {
  readonly agents: number;
  readonly shards: number;
  readonly storms: readonly Storm[];
}

const SHARDS = 4;
const SERVERS = 3;
const QUIET_SECONDS = 10;
/** Between the answer to one request and the next: as busy as a page that somebody looks at. */
const PAUSE_SECONDS = 0.02;

export async function measureReconnect(
  { agents, isDurable }: BenchOptions,
  tell: (line: string) => void,
): Promise<ReconnectFigures> {
  return withGround({ shards: SHARDS, isDurable }, async (ground) => {
    const servers: ServerChild[] = [];
    while (servers.length < SERVERS) servers.push(await ground.startServer());
    tell(`reconnect: ${agents} agents enrol with ${SERVERS} servers`);
    const fleet = await ground.startFleet(servers, { count: agents, isBrief: true });
    await fleet.ask('untilReported', { reported: agents });
    const storms: Storm[] = [];
    while (servers.length > 1) {
      const victim = servers.shift() as ServerChild;
      tell(`reconnect: a server is killed, ${servers.length} live`);
      const storm = await stormOf({ ground, fleet, servers, agents }, victim);
      tell(`reconnect: ${storm.lost} agents are back after ${storm.allBackMs.toFixed(0)} ms`);
      storms.push(storm);
    }
    return { agents, shards: SHARDS, storms };
  });
}

interface Cluster {
  readonly ground: Ground;
  readonly fleet: FleetChild;
  /** Those that live. */
  readonly servers: readonly ServerChild[];
  readonly agents: number;
}

async function stormOf(cluster: Cluster, victim: ServerChild): Promise<Storm> {
  const { fleet, servers, agents } = cluster;
  const quiet = await watched(cluster, lasting(QUIET_SECONDS));
  await fleet.ask<Latencies>('latencies');
  const { sessions: lost } = await victim.ask<ServerUsage>('usage');
  const startedAt = performance.now();
  const gone = fleet.ask('below', { open: agents });
  const back = victim
    .kill()
    .then(() => gone)
    .then(() => fleet.ask('until', { open: agents }))
    .then(() => performance.now() - startedAt);
  const storm = await watched(cluster, back);
  const { away } = await fleet.ask<Latencies>('latencies');
  return {
    ...{ left: servers.length, lost, allBackMs: await back },
    awayP50Ms: quantile(away, 0.5),
    awayP95Ms: quantile(away, 0.95),
    ...{ quiet, storm },
  };
}

/** Asks for a page of hosts again and again until it is over. */
async function watched({ ground, servers }: Cluster, over: Promise<unknown>): Promise<Watched> {
  const times: number[] = [];
  let failed = 0;
  let isOver = false;
  const whenOver = () => {
    isOver = true;
  };
  over.then(whenOver, whenOver);
  const [server] = servers as [ServerChild];
  while (!isOver) {
    const startedAt = performance.now();
    await call({ server, token: ground.token }, '/hosts?limit=50').catch(() => {
      failed += 1;
    });
    times.push(performance.now() - startedAt);
    await lasting(PAUSE_SECONDS);
  }
  const [p50Ms = 0, p95Ms = 0, mostMs = 0] = [0.5, 0.95, 1].map((part) => quantile(times, part));
  return { requests: times.length, failed, p50Ms, p95Ms, mostMs };
}
