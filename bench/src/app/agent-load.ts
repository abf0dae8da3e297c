// What connected agents cost one server: memory, its processor while they are idle, how many
// heartbeats it answers, and how many changes of facts a second it stores.

import type { BenchOptions } from '../options.js';
import type { FleetState } from './fleet-process.js';
import { type FleetChild, type Ground, lasting, type ServerChild, withGround } from './ground.js';
import type { ServerUsage } from './server-process.js';

export interface AgentLoadFigures {
  readonly agents: number;
  readonly shards: number;
  /** Enrolments in a second: a key, a certificate, a row. */
  readonly enrolledPerSecond: number;
  /** Of the server's process, for each agent that is connected. */
  readonly kilobytesPerAgent: number;
  readonly idle: {
    readonly seconds: number;
    /** Of the server without agents. */
    readonly aloneCpuPerMinute: number;
    /** Seconds of processor for 1,000 agents in a minute, beside those of the server alone. */
    readonly cpuPer1000Minute: number;
  };
  readonly heartbeats: {
    readonly perSecond: number;
    /** Seconds of processor in a second. */
    readonly cpu: number;
  };
  /** Full reports, of all hosts at once. */
  readonly fullPerSecond: number;
  readonly changes: {
    /** Hosts that change without pause. */
    readonly hosts: number;
    readonly perSecond: number;
    readonly cpu: number;
  };
}

const SHARDS = 4;
const BUSY_HOSTS = 64;
const CHANGE_SECONDS = 15;
const BEAT_SECONDS = 15;

export async function measureAgentLoad(
  options: BenchOptions,
  tell: (line: string) => void,
): Promise<AgentLoadFigures> {
  const { agents, isDurable } = options;
  const usual = await withGround({ shards: SHARDS, isDurable }, (ground) =>
    measureUsual(ground, options, tell),
  );
  tell(`agents: heartbeats of ${agents} agents, one a second of each`);
  const heartbeats = await withGround({ shards: SHARDS, isDurable }, (ground) =>
    measureHeartbeats(ground, agents),
  );
  return { agents, shards: SHARDS, ...usual, heartbeats };
}

async function measureUsual(
  { startServer, startFleet }: Ground,
  { agents, watchSeconds: seconds }: BenchOptions,
  tell: (line: string) => void,
) {
  const server = await startServer();
  tell('agents: a server without agents');
  const alone = await cpuOf(server, seconds / 2);
  const before = await server.ask<ServerUsage>('usage');
  tell(`agents: ${agents} agents enrol and tell all facts`);
  const startedAt = performance.now();
  const fleet = await startFleet([server], { count: agents, isBrief: false });
  await fleet.ask('untilReported', { reported: agents });
  const toldMs = performance.now() - startedAt;
  tell(`agents: ${seconds} s of quiet`);
  const idle = await cpuOf(server, seconds);
  const { rssBytes } = await server.ask<ServerUsage>('usage');
  tell(`agents: ${BUSY_HOSTS} hosts change without pause`);
  const changes = await measureChanges(server, fleet);
  const extra = (idle - alone) * 60 * (1000 / agents);
  return {
    enrolledPerSecond: agents / (fleet.ready.enrolMs / 1000),
    kilobytesPerAgent: (rssBytes - before.rssBytes) / 1024 / agents,
    idle: { seconds, aloneCpuPerMinute: alone * 60, cpuPer1000Minute: extra },
    fullPerSecond: agents / (toldMs / 1000),
    changes,
  };
}

async function measureChanges(server: ServerChild, fleet: FleetChild) {
  await fleet.ask('saturate', { hosts: BUSY_HOSTS });
  const startedAt = performance.now();
  const before = await fleet.ask<FleetState>('state');
  const cpu = await cpuOf(server, CHANGE_SECONDS);
  const after = await fleet.ask<FleetState>('state');
  const seconds = (performance.now() - startedAt) / 1000;
  const perSecond = (after.reported - before.reported) / seconds;
  return { hosts: BUSY_HOSTS, perSecond, cpu };
}

async function measureHeartbeats({ startServer, startFleet }: Ground, agents: number) {
  const server = await startServer({ heartbeatSeconds: 1 });
  const fleet = await startFleet([server], { count: agents, isBrief: true });
  await fleet.ask('untilReported', { reported: agents });
  return { perSecond: agents, cpu: await cpuOf(server, BEAT_SECONDS) };
}

/** Seconds of processor of the server in a second, over that time. */
async function cpuOf(server: ServerChild, seconds: number): Promise<number> {
  const startedAt = performance.now();
  const before = await server.ask<ServerUsage>('usage');
  await lasting(seconds);
  const after = await server.ask<ServerUsage>('usage');
  return (after.cpuMs - before.cpuMs) / (performance.now() - startedAt);
}
