// Servers of one cluster that use the bus, each with its own fleet and its own driver.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Fleet } from '@halflap/client';
import {
  Bus,
  type BusOptions,
  type Carrier,
  type Draft,
  memoryCarrier,
  natsCarrier,
  PARKED,
  type Parked,
  postgresCarrier,
} from '@halflap/server';
import { type NatsServer, startNats } from '../../bench/src/nats.js';
import { openTestFleet, type StoreOptions, type TestFleet } from './shards.js';

export const DRIVERS = ['memory', 'postgres', 'nats'] as const;
export type Driver = (typeof DRIVERS)[number];

export interface Cluster {
  readonly store: TestFleet;
  /** Absent where it was not asked for. */
  readonly nats: NatsServer | undefined;
  /** Starts the bus of one more server. */
  start(driver: Driver, options?: Partial<BusOptions>): Promise<Bus>;
  /** Publishes in a transaction of its own. */
  publish(bus: Bus, shard: string, drafts: Draft | readonly Draft[]): Promise<string[]>;
  /** A server in a process of its own, which never ends a message that it has begun. */
  startVictim(driver: Driver, subscription: VictimSubscription): Promise<Victim>;
  stop(): Promise<void>;
}

export interface VictimSubscription {
  readonly group: string;
  readonly topic: string;
}

export interface Victim {
  /** Resolves with the id of the message that it has begun. */
  readonly begun: Promise<string>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

const VICTIM = fileURLToPath(new URL('./bus-victim.mjs', import.meta.url));

export async function startCluster(
  shards: number,
  { withNats, ...more }: { readonly withNats: boolean } & StoreOptions,
): Promise<Cluster> {
  const store = await openTestFleet(shards, more);
  const nats = withNats ? await startNats() : undefined;
  const buses: Bus[] = [];
  const victims: ChildProcess[] = [];
  const url = (shard: string) => store.targets.find(({ name }) => name === shard)?.url ?? '';
  const carrierOf = (driver: Driver): Carrier => {
    if (driver === 'memory') return memoryCarrier();
    if (driver === 'nats') return natsCarrier({ connection: { servers: nats?.url ?? '' } });
    return postgresCarrier({ connection: (shard) => ({ connectionString: url(shard) }) });
  };
  return {
    store,
    nats,
    async start(driver, options = {}) {
      const fleet = options.fleet ?? (await store.open());
      const server = `${driver}${buses.length}`;
      const carrier = carrierOf(driver);
      const bus = new Bus({ ...QUICK, server, carrier, ...options, fleet });
      buses.push(bus);
      bus.start();
      return bus;
    },
    publish: (bus, shard, drafts) =>
      store.fleet.shard(shard).transaction((client) => bus.publish(shard, client, drafts)),
    async startVictim(driver, subscription) {
      const order = { driver, shards: store.targets, nats: nats?.url ?? null, ...subscription };
      const child = spawn(process.execPath, [VICTIM, JSON.stringify(order)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      victims.push(child);
      return victimOf(child);
    },
    async stop() {
      for (const child of victims) child.kill('SIGKILL');
      await Promise.all(buses.map((bus) => bus.stop(0)));
      await nats?.stop();
      await store.close();
    },
  };
}

/** What was given up last. */
export async function listParked(fleet: Fleet): Promise<readonly Parked[]> {
  const sql = `select ${PARKED.id} as id, ${PARKED.columns} from ${PARKED.from}
    order by p.parked_at desc`;
  const orderBy = [{ column: 'parkedAt', direction: 'desc' }] as const;
  return (await fleet.gather<Parked>(sql, [], { orderBy, shardColumn: 'shard' })).rows;
}

/** No claim ends by itself on a busy machine, and no test waits for seconds. */
const QUICK = {
  clock: () => new Date(),
  claimSeconds: 30,
  pollMs: 100,
  backoff: { firstMs: 1, longestMs: 10 },
} as const;

async function victimOf(child: ChildProcess): Promise<Victim> {
  if (child.stdout === null) throw new Error('the victim has no output');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the victim has ended by itself');
    return value as string;
  };
  const ready = await next();
  if (ready !== 'ready') throw new Error(`the victim says ${ready}`);
  return {
    begun: next(),
    async kill() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
