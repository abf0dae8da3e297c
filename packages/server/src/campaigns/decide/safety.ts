// May this step be taken now? If not: what stands against it, by name, and what would change that.
//
// Invariant: a step that is not refused leaves no server with a shard that refuses it. Where
// something is not known (a shard that does not answer, a host that is away), it counts as standing
// against whatever would rest on it.

import { standingOf } from './cells.js';
import { isDone, type ServerStep, type ShardStep, type Step, serverOf, shardOf } from './steps.js';
import { releasesOf, type ShardSeen, serviceOf, strangersOf, type World } from './world.js';

export interface Refusal {
  /** What stands against it. */
  readonly by: 'server' | 'shard' | 'feature' | 'cluster';
  /** Its name. */
  readonly name: string;
  readonly why: string;
  /** What to do, so that it does not stand against it any more. */
  readonly remedy: string;
  /** Nobody may pass over it, with whatever reason. */
  readonly isFinal: boolean;
}

/** All that stands against a step; none: it is safe, or there is nothing left to do. */
export function refusalsOf(step: Step, world: World): readonly Refusal[] {
  if (isDone(step, world)) return [];
  return step.kind === 'server' ? againstServer(step, world) : ofShard(step, world);
}

/** All that stands against a server's having the release, whether it has it or not. */
export function againstServer({ name, action }: ServerStep, world: World): readonly Refusal[] {
  const server = serverOf(world, name);
  if (server === undefined) return [unknown('server', name)];
  const { from, to } = world;
  const release = action === 'upgrade' ? to : from;
  const foreign = releasesOf(server).filter((one) => one !== from && one !== to);
  const refusals = foreign.map((one) => ({
    ...stands('server', name, `${name} runs ${one}, and the campaign is about ${from} and ${to}`),
    remedy: `bring ${name} to ${from} or ${to} by hand, or exclude it`,
  }));
  if (action === 'downgrade') refusals.push(...world.features.map(enabled));
  return [...refusals, ...world.shards.flatMap((shard) => unserved(shard, release, world))];
}

function enabled(feature: string): Refusal {
  return {
    ...stands('feature', feature, `feature ${feature} is enabled, and the older release lacks it`),
    remedy: `disable ${feature}, where it can be, before servers go back`,
  };
}

function unserved(shard: ShardSeen, release: string, world: World): readonly Refusal[] {
  const { name } = shard;
  if (shard.unreachable !== null) return [silent(shard)];
  if (serviceOf(shard, release, world.to) !== null) return [];
  const why = `${name} is ${standingOf(shard)}, and does not serve ${release}`;
  if (release === world.to) return [{ ...stands('shard', name, why), remedy: `prepare ${name}` }];
  const remedy = `nothing leads back: ${name} is past contract; restore it from a backup, or stay`;
  return [{ ...stands('shard', name, why), remedy, isFinal: true }];
}

function ofShard({ name, action }: ShardStep, world: World): readonly Refusal[] {
  const shard = shardOf(world, name);
  if (shard === undefined) return [unknown('shard', name)];
  if (shard.unreachable !== null) return [silent(shard)];
  const astray = astrayOf(shard, world);
  if (astray !== null) return [astray];
  const out = outOfTurn(shard, action, world);
  if (out !== null) return [out];
  if (action === 'contract') return againstContract(shard, world);
  if (action === 'abort') return [...world.features.map(enabled), ...againstAbort(shard, world)];
  return [];
}

/** A shard at another release than the two, or under way to another one. */
function astrayOf(shard: ShardSeen, { from, to }: World): Refusal | null {
  const isKnown = (release: string) => release === from || release === to;
  if (isKnown(shard.floor) && isKnown(shard.ceiling)) return null;
  const why = `${shard.name} is ${standingOf(shard)}, and the campaign is about ${from} and ${to}`;
  return { ...stands('shard', shard.name, why), remedy: `bring ${shard.name} to ${from} first` };
}

/** In which phases a verb has work to do; isDone() has taken out those that are behind it. */
function outOfTurn(shard: ShardSeen, action: ShardStep['action'], world: World): Refusal | null {
  const needed = NEEDS[action];
  if (needed.phases.includes(shard.phase) && shard.floor === world.from) return null;
  const why = `${shard.name} is ${standingOf(shard)}, and ${action} begins at ${needed.words}`;
  const isFinal = shard.floor === world.to || shard.phase === 'contracting';
  return { ...stands('shard', shard.name, why), remedy: needed.remedy(shard.name), isFinal };
}

const NEEDS: Readonly<
  Record<
    ShardStep['action'],
    {
      readonly phases: readonly ShardSeen['phase'][];
      readonly words: string;
      readonly remedy: (shard: string) => string;
    }
  >
> = {
  prepare: {
    phases: ['settled', 'prepared'],
    words: 'settled',
    remedy: (shard) => `let ${shard} settle first`,
  },
  expand: {
    phases: ['prepared', 'expanding'],
    words: 'prepared',
    remedy: (shard) => `prepare ${shard}`,
  },
  verify: { phases: ['dual'], words: 'dual', remedy: (shard) => `expand ${shard}` },
  contract: {
    phases: ['dual', 'contracting'],
    words: 'dual',
    remedy: (shard) => `expand ${shard}`,
  },
  abort: {
    phases: ['prepared', 'expanding', 'dual'],
    words: 'prepared, expanding or dual',
    remedy: (shard) => `nothing leads back: ${shard} is past contract`,
  },
};

function againstContract(shard: ShardSeen, world: World): readonly Refusal[] {
  const { from } = world;
  const refusals = usersOf(shard, from, world, `upgrade it to ${world.to}`);
  if (shard.quarantined > 0) {
    const why = `${shard.quarantined} rows of ${shard.name} are in quarantine`;
    refusals.push({
      ...stands('shard', shard.name, why),
      remedy: `halflap quarantine --shard ${shard.name}, and correct each`,
      isFinal: true,
    });
  }
  if (shard.phase === 'dual' && !shard.isVerified) {
    const why = `verify has not passed on ${shard.name} lately`;
    refusals.push({
      ...stands('shard', shard.name, why),
      remedy: `verify ${shard.name}`,
      isFinal: true,
    });
  }
  return refusals;
}

function againstAbort(shard: ShardSeen, world: World): readonly Refusal[] {
  const features = world.features.map(enabled);
  if (shard.takesSessionLens) return features;
  return [...features, ...usersOf(shard, world.to, world, `take it back to ${world.from}`)];
}

/** Servers that run a release, or may: a shard is not to be taken from them. */
function usersOf(shard: ShardSeen, release: string, world: World, remedy: string): Refusal[] {
  const refusals: Refusal[] = [];
  for (const server of world.servers) {
    const { name } = server;
    const registered = shard.leases.some((one) => one.server === name && one.release === release);
    const all = releasesOf(server);
    if (registered || all.includes(release)) {
      const how = registered ? `works with ${shard.name} by` : 'runs';
      refusals.push({ ...stands('server', name, `${name} ${how} ${release}`), remedy });
    } else if (all.length === 0 && !server.isExcluded) {
      // Whoever excludes it says that it is gone: it has no lease, and would be refused.
      const why = `which release ${name} runs is not known`;
      refusals.push({
        ...stands('server', name, why),
        remedy: `bring its agent back, or exclude ${name} once it is gone for good`,
      });
    }
  }
  for (const { server, release: theirs } of strangersOf({ ...world, shards: [shard] })) {
    if (theirs !== release) continue;
    const who = `${server}, which the cluster does not declare,`;
    const why = `${who} works with ${shard.name} by ${release}`;
    refusals.push({ ...stands('server', server, why), remedy: `upgrade or stop ${server}` });
  }
  return refusals;
}

/** Nothing is known against the step: a shard does not answer. */
export function isOfSilence({ by, name }: Refusal, world: World): boolean {
  return by === 'shard' && typeof shardOf(world, name)?.unreachable === 'string';
}

function silent({ name, unreachable }: ShardSeen): Refusal {
  const why = `${name} does not answer: ${unreachable}`;
  return { ...stands('shard', name, why), remedy: `bring ${name} back` };
}

function unknown(by: 'server' | 'shard', name: string): Refusal {
  const why = `the cluster has no ${by} ${name}`;
  return { ...stands(by, name, why), remedy: 'look at the cluster', isFinal: true };
}

function stands(by: Refusal['by'], name: string, why: string) {
  return { by, name, why, isFinal: false };
}
