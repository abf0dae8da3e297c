// Where every feature stands on every shard, and what is in the way, for people: reads only, takes
// no lock. And the one question that abort asks: which features keep a shard from going back.

import { compareVersions, type FeatureState, HalflapError } from '@halflap/protocol';
import { messageOf, type Session, withReading } from '../pg.js';
import {
  declaredBy,
  type FeatureFacts,
  LOOK_MS,
  readFeatureFacts,
  serversAgainst,
  shardAgainst,
  shardsLeftOut,
} from './feature-facts.js';
import type { FeatureShard } from './features.js';
import { readState, type ShardState } from './state.js';

/** `unknown` where the shard cannot be read. */
export type ShardStanding = FeatureState | 'off' | 'unknown';

export interface FeatureReport {
  readonly feature: string;
  readonly about: string;
  /** The release that brought it. */
  readonly since: string;
  readonly isReversible: boolean;
  /**
   * `enabled` and `off` as on all shards; `supported` is off with nothing against it; `underway`
   * when shards differ, or it is allowed and no more.
   */
  readonly state: 'off' | 'supported' | 'underway' | 'enabled';
  readonly shards: readonly {
    readonly shard: string;
    readonly state: ShardStanding;
    /** Who made it so, and when; null where it is off or unknown. */
    readonly changedBy: string | null;
    readonly changedAt: Date | null;
  }[];
  /** Each release of each server that lives, by name. */
  readonly servers: readonly {
    readonly server: string;
    readonly release: string;
    readonly isSupporting: boolean;
  }[];
  /** One line for each server and shard in the way. */
  readonly against: readonly string[];
}

/** What one shard says. */
export interface FeatureMember {
  readonly shard: string;
  readonly state: ShardState | null;
  readonly facts: FeatureFacts;
  /** Why it cannot be read; null when it was. */
  readonly problem: string | null;
}

/** By name. A shard that cannot be read stands against every feature, and fails nothing. */
export async function readFeatures(
  shards: readonly FeatureShard[],
): Promise<readonly FeatureReport[]> {
  const members = shards.map((shard) =>
    readFeatureMember(shard).catch((error: unknown) =>
      silentMember(shard.name, `cannot be read: ${messageOf(error)}`),
    ),
  );
  return featuresOf(await Promise.all(members));
}

/** @throws SHARD_UNREACHABLE, SHARD_FORMAT and PostgreSQL's errors */
export async function readFeatureMember(
  { name: shard, url }: FeatureShard,
  timeoutMs = LOOK_MS,
): Promise<FeatureMember> {
  const read = async (session: Session): Promise<FeatureMember> => {
    const state = await readState(session, shard);
    return { shard, state, facts: await readFeatureFacts(session), problem: null };
  };
  return withReading(url, 'features', read, { timeoutMs });
}

/** A shard of which nothing is known. */
export function silentMember(shard: string, problem: string): FeatureMember {
  return { shard, state: null, facts: { servers: [], features: [] }, problem };
}

/** By name. */
export function featuresOf(members: readonly FeatureMember[]): readonly FeatureReport[] {
  const names = members.flatMap(({ facts }) => [
    ...facts.features.map(({ name }) => name),
    ...facts.servers.flatMap(({ about }) => Object.keys(about?.features ?? {})),
  ]);
  return [...new Set(names)].sort().map((feature) => reportOf(feature, members));
}

function reportOf(feature: string, members: readonly FeatureMember[]): FeatureReport {
  const declaration = declaredBy(
    members.flatMap(({ facts }) => facts.servers),
    feature,
  );
  const rows = members.flatMap(({ facts }) => facts.features.filter((one) => one.name === feature));
  const known = members.map(({ shard }) => shard);
  const against = members.flatMap(({ shard, state, facts, problem }) => {
    const why =
      state === null
        ? (problem ?? 'is not known to Halflap')
        : declaration && shardAgainst(state, declaration);
    const servers = serversAgainst(facts, { feature, shard });
    const leftOut = shardsLeftOut(facts, known);
    return [...(why ? [`shard ${shard} ${why}`] : []), ...servers, ...leftOut];
  });
  if (declaration === undefined) against.push('no server that lives supports it');
  return {
    feature,
    about: declaration?.about ?? '',
    since: declaration?.since ?? rows[0]?.release ?? '',
    isReversible: declaration?.isReversible ?? rows[0]?.is_reversible ?? false,
    state: standingOf(rows, { shards: members.length, isFree: against.length === 0 }),
    shards: members.map(({ shard, facts, problem }) => {
      const row = facts.features.find(({ name }) => name === feature);
      const state = problem === null ? (row?.state ?? 'off') : 'unknown';
      const { changed_by: changedBy = null, changed_at: changedAt = null } = row ?? {};
      return { shard, state, changedBy, changedAt };
    }),
    servers: supportersOf(feature, members),
    against: [...new Set(against)],
  };
}

function supportersOf(feature: string, members: readonly FeatureMember[]) {
  const found = new Map<string, FeatureReport['servers'][number]>();
  for (const { server, release, about } of members.flatMap(({ facts }) => facts.servers)) {
    const key = JSON.stringify([server, release]);
    const isSupporting = Object.hasOwn(about?.features ?? {}, feature);
    const isEverywhere = isSupporting && (found.get(key)?.isSupporting ?? true);
    found.set(key, { server, release, isSupporting: isEverywhere });
  }
  return [...found.keys()].sort().map((key) => found.get(key) as FeatureReport['servers'][number]);
}

function standingOf(
  rows: readonly { readonly state: FeatureState }[],
  { shards, isFree }: { readonly shards: number; readonly isFree: boolean },
): FeatureReport['state'] {
  if (rows.length === 0) return isFree ? 'supported' : 'off';
  const enabled = rows.filter(({ state }) => state === 'enabled').length;
  return enabled === shards ? 'enabled' : 'underway';
}

/**
 * A shard does not go back behind a feature that servers may have used. The caller holds the
 * runner's lock. @throws FEATURE_REFUSED naming each.
 */
export async function assertNoFeatures(
  session: Session,
  { shard, floor }: { readonly shard: string; readonly floor: string },
): Promise<void> {
  const { features } = await readFeatureFacts(session);
  const kept = features.filter(({ release }) => compareVersions(release, floor) > 0);
  if (kept.length === 0) return;
  const isReversible = kept.every((one) => one.is_reversible || one.state === 'allowed');
  const names = kept.map(({ name }) => name).join(', ');
  throw new HalflapError(
    'FEATURE_REFUSED',
    `abort is refused on shard ${shard}: release ${floor} does not have ${names}`,
    {
      detail: {
        shard,
        evidence: kept.map(
          ({ name, release, state, changed_by, changed_at }) =>
            `feature ${name} of ${release} is ${state} on shard ${shard}, by ${changed_by}, ` +
            `since ${changed_at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
        ),
      },
      hint: isReversible
        ? `halflap features disable NAME --all for each; then halflap abort --shard ${shard}`
        : 'nothing leads back from it; go forward',
    },
  );
}
