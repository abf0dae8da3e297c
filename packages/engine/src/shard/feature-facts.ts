// What one shard says about features: who lives on it and what they support, where it stands, and
// what is allowed there. Reads only.

import {
  compareVersions,
  type FeatureDeclaration,
  type FeatureRow,
  PHASES,
  readDeclaration,
  type ServerDeclaration,
} from '@halflap/protocol';
import type { Session } from '../pg.js';
import type { ShardState } from './state.js';

/** A server with a lease that runs. */
export interface LiveServer {
  readonly server: string;
  readonly instance: string;
  readonly release: string;
  /** Null for one that said nothing about features, and so supports none. */
  readonly about: ServerDeclaration | null;
  readonly renewed_at: Date;
}

export interface FeatureFacts {
  readonly servers: readonly LiveServer[];
  readonly features: readonly FeatureRow[];
}

/** The longest that a shard is waited for by who only looks: to connect, and for each answer. */
export const LOOK_MS = 10_000;

export async function readFeatureFacts(session: Session): Promise<FeatureFacts> {
  const live = await session.query<Omit<LiveServer, 'about'> & { readonly about: unknown }>(
    `select l.server, l.instance, l.release, s.about, l.renewed_at
     from halflap.lease l
     left join halflap.server s on s.instance = l.instance
     where l.expires_at > clock_timestamp()
     order by l.server, l.instance`,
  );
  const servers = live.map((one) => ({ ...one, about: readDeclaration(one.about) }));
  return { servers, features: await listFeatures(session) };
}

/** Those that are allowed or enabled, by name. */
function listFeatures(session: Session): Promise<FeatureRow[]> {
  return session.query<FeatureRow>(
    `select name, release, state, is_reversible, changed_at, changed_by
     from halflap.feature order by name`,
  );
}

/** Servers whose last heartbeat is older than the last change of the feature here, by name. */
export async function readUnaware(session: Session, feature: string): Promise<string[]> {
  const rows = await session.query<{ server: string }>(
    `select l.server
     from halflap.lease l
     join halflap.feature f on f.name = $1
     where l.expires_at > clock_timestamp() and l.renewed_at <= f.changed_at
     order by l.server`,
    [feature],
  );
  return rows.map(({ server }) => server);
}

/** Why the shard does not support the feature; null when it does. */
export function shardAgainst(
  { floor, ceiling, phase }: Pick<ShardState, 'floor' | 'ceiling' | 'phase'>,
  { since, shards }: Pick<FeatureDeclaration, 'since' | 'shards'>,
): string | null {
  if (compareVersions(floor, since) >= 0) return null;
  const wanted = `the feature needs ${shards === 'settled' ? `settled at ${since}` : shards}`;
  if (phase === 'settled') return `is settled at ${floor}; ${wanted}`;
  const isOnItsWay = compareVersions(ceiling, since) >= 0;
  // Contracting serves the new release alone, but is not settled yet.
  const isFar = shards !== 'settled' && PHASES.indexOf(phase) >= PHASES.indexOf(shards);
  return isOnItsWay && isFar ? null : `is ${phase}, from ${floor} to ${ceiling}; ${wanted}`;
}

/** One line for each server that lives here and stands against the feature. */
export function serversAgainst(
  { servers }: FeatureFacts,
  { feature, shard }: { readonly feature: string; readonly shard: string },
): string[] {
  return servers.flatMap(({ server, release, about }) => {
    const who = `server ${server} runs release ${release} on shard ${shard}`;
    if (about === null) return [`${who} and does not say what it supports`];
    if (!Object.hasOwn(about.features, feature)) return [`${who} and does not support it`];
    return [];
  });
}

/** One line for each shard that a server uses and nobody asks. */
export function shardsLeftOut({ servers }: FeatureFacts, known: readonly string[]): string[] {
  return servers.flatMap(({ server, about }) => {
    const strange = (about?.shards ?? []).filter((name) => !known.includes(name));
    return strange.map((name) => `server ${server} uses shard ${name}, which is not asked`);
  });
}

/** What the servers say of a feature, the newest release's word; undefined when none knows it. */
export function declaredBy(
  servers: readonly LiveServer[],
  feature: string,
): FeatureDeclaration | undefined {
  const saying = servers.filter(({ about }) => Object.hasOwn(about?.features ?? {}, feature));
  const [newest] = [...saying].sort((left, right) => compareVersions(right.release, left.release));
  return newest?.about?.features[feature];
}
