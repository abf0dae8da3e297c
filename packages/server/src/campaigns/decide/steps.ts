// What a campaign does to a cluster, one server or one shard at a time.

import type { Verb } from '@halflap/protocol';
import { isAt, type ServerSeen, type ShardSeen, type World } from './world.js';

/** A server gets the package of the newer release, or of the older one again. */
export interface ServerStep {
  readonly kind: 'server';
  readonly name: string;
  readonly action: 'upgrade' | 'downgrade';
}

export interface ShardStep {
  readonly kind: 'shard';
  readonly name: string;
  readonly action: Verb;
}

export type Step = ServerStep | ShardStep;

/** `server/app1/upgrade`, `shard/eu1/prepare`: the same step has the same id in every plan. */
export function idOf({ kind, name, action }: Step): string {
  return `${kind}/${name}/${action}`;
}

/** Every step that there is for a cluster, whether it may be taken or not. */
export function allSteps({ servers, shards }: World): readonly Step[] {
  const verbs: readonly Verb[] = ['prepare', 'expand', 'verify', 'contract', 'abort'];
  return [
    ...servers.flatMap(({ name }): Step[] => [
      { kind: 'server', name, action: 'upgrade' },
      { kind: 'server', name, action: 'downgrade' },
    ]),
    ...shards.flatMap(({ name }) => verbs.map((action): Step => ({ kind: 'shard', name, action }))),
  ];
}

/** Whether the cluster is already as the step would leave it, whoever did it. */
export function isDone(step: Step, world: World): boolean {
  if (step.kind === 'server') {
    const server = serverOf(world, step.name);
    const release = step.action === 'upgrade' ? world.to : world.from;
    return server !== undefined && isAt(server, release);
  }
  const shard = shardOf(world, step.name);
  return shard !== undefined && shard.unreachable === null && isReached(step.action, shard, world);
}

function isReached(verb: Verb, shard: ShardSeen, { from, to }: World): boolean {
  const { phase, floor, ceiling } = shard;
  const isThrough = phase === 'settled' && floor === to;
  const isUnderWay = floor === from && ceiling === to;
  switch (verb) {
    case 'prepare':
      return isThrough || (isUnderWay && phase !== 'settled');
    case 'expand':
      return isThrough || (isUnderWay && (phase === 'dual' || phase === 'contracting'));
    case 'verify':
      return (
        isThrough ||
        (isUnderWay && (phase === 'contracting' || (phase === 'dual' && shard.isVerified)))
      );
    case 'contract':
      return isThrough;
    case 'abort':
      return phase === 'settled' && floor === from;
  }
}

/** The cluster as it is once the step has succeeded: what a plan is tried on before it begins. */
export function after(step: Step, world: World): World {
  if (step.kind === 'server') {
    const release = step.action === 'upgrade' ? world.to : world.from;
    const servers = world.servers.map((server): ServerSeen => {
      if (server.name !== step.name) return server;
      const running = server.running.length === 0 ? [] : [release];
      return { ...server, installed: release, running };
    });
    const shards = world.shards.map((shard) => withServer(shard, step.name, release, world));
    return { ...world, servers, shards };
  }
  const shards = world.shards.map((shard) =>
    shard.name === step.name ? moved(shard, step.action, world) : shard,
  );
  return { ...world, shards };
}

function withServer(shard: ShardSeen, server: string, release: string, { to }: World): ShardSeen {
  const leases = shard.leases.map((lease): ShardSeen['leases'][number] => {
    if (lease.server !== server) return lease;
    const isLens = release === to && ['settled', 'prepared', 'expanding'].includes(shard.phase);
    return { server, release, mode: isLens && shard.floor !== to ? 'lens' : 'native' };
  });
  return { ...shard, leases };
}

function moved(shard: ShardSeen, verb: Verb, { from, to }: World): ShardSeen {
  switch (verb) {
    case 'prepare':
      return { ...shard, phase: 'prepared', ceiling: to };
    case 'expand':
      return { ...shard, phase: 'dual', leases: shard.leases.map(asNative) };
    case 'verify':
      return { ...shard, isVerified: true };
    case 'contract':
      return { ...shard, phase: 'settled', floor: to, ceiling: to };
    case 'abort':
      return { ...shard, phase: 'settled', floor: from, ceiling: from, isVerified: false };
  }
}

const asNative = (lease: ShardSeen['leases'][number]) => ({ ...lease, mode: 'native' as const });

export function serverOf({ servers }: World, name: string): ServerSeen | undefined {
  return servers.find((one) => one.name === name);
}

export function shardOf({ shards }: World, name: string): ShardSeen | undefined {
  return shards.find((one) => one.name === name);
}
