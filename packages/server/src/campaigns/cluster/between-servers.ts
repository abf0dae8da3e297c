// What the servers of a cluster agree upon through its shards: features, messages, retained
// behaviours. Asked of all shards at once, each within its time; one that is away is said to be,
// in words that hold no address.

import {
  type BehaviourReport,
  behavioursOf,
  type FeatureMember,
  type FeatureReport,
  featuresOf,
  readFeatureMember,
  readParked,
  readShardBehaviours,
  silentMember,
  sqlStateOf,
} from '@halflap/engine/runner';
import { compareVersions, HalflapError, type ParkedRow } from '@halflap/protocol';
import type { Store } from '../../store/store.js';
import { within } from '../../within.js';
import {
  isKnown,
  type KnownAddress,
  readAddresses,
  readCluster,
  type ShardAddress,
} from './clusters.js';
import type { ClusterDeclaration } from './declaration.js';
import { SHARD_MS, UNKNOWN_HERE, withoutSecrets } from './observe.js';

export interface ShardsOf {
  readonly declared: ClusterDeclaration;
  readonly addresses: readonly ShardAddress[];
}

/** @throws API_NOT_FOUND */
export async function shardsOf(
  parts: { readonly store: Store; readonly secret: Buffer },
  id: string,
): Promise<ShardsOf> {
  const { home } = parts.store;
  const cluster = await readCluster(home, id);
  return { declared: cluster.declared, addresses: await readAddresses(home, parts, cluster) };
}

/** How a shard answered. */
export interface Answered {
  readonly shard: string;
  readonly ok: boolean;
  readonly error?: string;
}

/** What of all shards is known, and how each answered. */
export interface Asked<Known> {
  readonly known: Known;
  readonly shards: readonly Answered[];
}

/** A shard that does not answer stands against every feature. */
export async function lookAtFeatures(
  addresses: readonly ShardAddress[],
): Promise<Asked<readonly FeatureReport[]>> {
  const { members, shards } = await askMembers(addresses);
  return { known: featuresOf(members), shards };
}

async function askMembers(addresses: readonly ShardAddress[]) {
  const asked = await askAll(addresses, (address) => readFeatureMember(address, SHARD_MS));
  const members = asked.map(
    ({ shard, error, value }) => value ?? silentMember(shard, error ?? 'is silent'),
  );
  return { members, shards: asked.map(answered) };
}

export async function lookAtBehaviours(
  addresses: readonly ShardAddress[],
  now: Date,
): Promise<Asked<readonly BehaviourReport[]>> {
  const asked = await askAll(addresses, (address) => readShardBehaviours(address, SHARD_MS));
  return { known: behavioursOf(valuesOf(asked), now), shards: asked.map(answered) };
}

/** Servers of one release that know the same messages. */
export interface Speakers {
  readonly release: string;
  readonly servers: readonly string[];
  readonly types: readonly string[];
}

export interface Messages {
  /** The release in whose form servers write now; null while none lives. */
  readonly level: string | null;
  readonly speakers: readonly Speakers[];
  /** Without the messages themselves. */
  readonly parked: readonly (ParkedRow & { readonly shard: string })[];
  /** There are more than were read. */
  readonly hasMore: boolean;
}

/** @param most the most parked messages that are read of each shard, the oldest of it */
export async function lookAtMessages(
  addresses: readonly ShardAddress[],
  most: number,
): Promise<Asked<Messages>> {
  // An envelope may have megabytes, and what it holds is the application's own affair.
  const options = { most: most + 1, envelopeChars: 0, timeoutMs: SHARD_MS };
  const asked = await askAll(addresses, async (address) => ({
    member: await readFeatureMember(address, SHARD_MS),
    parked: await readParked(address.url, options),
  }));
  const read = valuesOf(asked);
  const speakers = speakersOf(read.map(({ member }) => member));
  const parked = read.flatMap((one) =>
    one.parked.slice(0, most).map((row) => ({ ...row, shard: one.member.shard })),
  );
  const level = speakers[0]?.release ?? null;
  const hasMore = read.some((one) => one.parked.length > most);
  return { known: { level, speakers, parked, hasMore }, shards: asked.map(answered) };
}

/** The lowest release first, in whose form messages are written. */
function speakersOf(members: readonly FeatureMember[]): Speakers[] {
  const groups = new Map<string, Speakers & { servers: string[] }>();
  for (const { server, release, about } of members.flatMap(({ facts }) => facts.servers)) {
    const types = about?.messages ?? [];
    const key = JSON.stringify([release, types]);
    const group = groups.get(key) ?? { release, servers: [], types };
    if (!group.servers.includes(server)) group.servers.push(server);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => compareVersions(a.release, b.release));
}

interface Outcome<Value> extends Answered {
  readonly value: Value | undefined;
}

/** All at once, each within its time. Never fails for one. */
async function askAll<Value>(
  addresses: readonly ShardAddress[],
  ask: (address: KnownAddress) => Promise<Value>,
): Promise<Outcome<Value>[]> {
  return Promise.all(
    addresses.map(async (address): Promise<Outcome<Value>> => {
      const { name: shard } = address;
      if (!isKnown(address)) {
        return { shard, ok: false, error: `cannot be asked: ${UNKNOWN_HERE}`, value: undefined };
      }
      try {
        const late = () => new Error('late');
        return { shard, ok: true, value: await within(SHARD_MS, ask(address), late) };
      } catch (error) {
        return { shard, ok: false, error: whySilent(error, address.url), value: undefined };
      }
    }),
  );
}

/** What a driver says names hosts and users; what PostgreSQL or the engine says does not. */
export function whySilent(error: unknown, url: string): string {
  const isOurs = error instanceof HalflapError && !NAMING.has(error.code);
  const isSaid = isOurs || sqlStateOf(error) !== undefined;
  if (!isSaid || !(error instanceof Error)) return 'does not answer';
  return `cannot be read: ${withoutSecrets(error.message, url)}`;
}

const NAMING: ReadonlySet<string> = new Set(['SHARD_UNREACHABLE', 'CONFIG_INVALID']);

function answered({ shard, ok, error }: Answered): Answered {
  return error === undefined ? { shard, ok } : { shard, ok, error };
}

function valuesOf<Value>(asked: readonly Outcome<Value>[]): Value[] {
  return asked.flatMap(({ value }) => (value === undefined ? [] : [value]));
}
