// One client of the service: asks, waits its pace, asks again, choosing by chance from a fixed mix.
//
// A few hosts are hot: edits, status and heartbeats of several clients meet on their rows all the
// time.

import type { Balancer } from './balancer.js';
import { hostName } from './facts.js';
import type { Entry, Ledger } from './ledger.js';
import type { GeneratorConfig } from './messages.js';
import type { Context, Send } from './operations.js';
import * as operations from './operations.js';
import type { Random } from './random.js';

export interface World {
  readonly config: GeneratorConfig;
  readonly ledger: Ledger;
  readonly balancer: Balancer;
  readonly send: Send;
  contradiction(text: string): void;
  failure(text: string): void;
  /** Resolves at once, or when the load goes on after a pause. */
  mayGoOn(): Promise<void>;
}

const HOT_HOSTS = 30;
const HOT_SHARE = 0.25;

/** Hosts that this generator made and may take away again; at most this many. */
const OWN_HOSTS = 200;

type Operation = (context: Context, world: World) => Promise<void>;

/** Weight and operation; the weights add up to 100. */
const MIX: readonly (readonly [number, Operation])[] = [
  [44, (context, world) => operations.heartbeat(context, anyHost(context.random, world))],
  [18, (context, world) => operations.read(context, anyHost(context.random, world))],
  [18, (context, world) => onOwned(context, world, operations.edit)],
  [9, (context, world) => onOwned(context, world, operations.setStatus)],
  [
    2,
    (context, world) =>
      operations.list(context, hostName(context.random.below(world.config.hosts))),
  ],
  [6, (context, world) => operations.create(context, unused(context, world))],
  [3, (context, world) => onAlive(context, world, operations.remove)],
];

export async function runClient(world: World, random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await world.mayGoOn();
    const begun = performance.now();
    await world.balancer
      .on(random, (target) => {
        const { ledger, send } = world;
        const contradiction = world.contradiction;
        return choose(random)({ ledger, random, target, send, contradiction }, world);
      })
      .catch((error: Error) => world.failure(error.message));
    const restMs = world.config.paceMs - (performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, restMs)));
  }
}

function choose(random: Random): Operation {
  let place = random.below(100);
  for (const [weight, operation] of MIX) {
    if (place < weight) return operation;
    place -= weight;
  }
  throw new RangeError('the weights of the mix do not add up to 100');
}

/** Any host of any owner, or one of those that this generator created. */
function anyHost(random: Random, world: World): Entry {
  const created = random.next() < 0.1 ? aliveHost(random, world) : undefined;
  return created ?? initialHost(world, anyIndex(random, world));
}

async function onOwned(
  context: Context,
  world: World,
  operation: (context: Context, entry: Entry) => Promise<void>,
): Promise<void> {
  const { generator, generators, hosts } = world.config;
  const random = context.random;
  const near = anyIndex(random, world);
  const owned = near - (near % generators) + generator;
  const entry =
    (random.next() < 0.1 ? aliveHost(random, world) : undefined) ??
    initialHost(world, owned < hosts ? owned : generator);
  // An edit of this host is on its way: ask for it instead.
  await (entry.isBusy ? operations.read(context, entry) : operation(context, entry));
}

async function onAlive(
  context: Context,
  world: World,
  operation: (context: Context, entry: Entry) => Promise<void>,
): Promise<void> {
  const entry = aliveHost(context.random, world);
  if (entry !== undefined && !entry.isBusy) await operation(context, entry);
}

function anyIndex(random: Random, world: World): number {
  const { hosts } = world.config;
  return random.below(random.next() < HOT_SHARE ? Math.min(HOT_HOSTS, hosts) : hosts);
}

function initialHost(world: World, at: number): Entry {
  const { generator, generators } = world.config;
  return world.ledger.initial(at, at % generators === generator);
}

function aliveHost(random: Random, world: World): Entry | undefined {
  const alive = world.ledger.createdHosts().filter((entry) => entry.exists);
  return alive.length === 0 ? undefined : random.pick(alive);
}

/** A name that is free: of a deleted host, often, or one that was never used. */
function unused(context: Context, world: World): Entry {
  const { ledger, random } = context;
  const created = ledger.createdHosts();
  const free = created.filter((entry) => !entry.exists && !entry.isBusy && entry.beating === 0);
  const mustReuse = created.length >= OWN_HOSTS;
  if (free.length > 0 && (mustReuse || random.next() < 0.5)) return random.pick(free);
  return ledger.fresh(`new-${world.config.generator}-${String(created.length).padStart(5, '0')}`);
}
