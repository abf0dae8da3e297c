// Which behaviours releases have changed and keep, how often each was met, and whether its time is
// over: from what servers that live state, and what all have counted. Reads only.

import {
  type BehaviourDeclaration,
  type BehaviourMode,
  type BehaviourRow,
  compareVersions,
} from '@halflap/protocol';
import { type Session, withReading } from '../pg.js';
import { type LiveServer, LOOK_MS, readFeatureFacts } from './feature-facts.js';
import type { FeatureShard } from './features.js';

export interface BehaviourReport {
  readonly behaviour: string;
  /** As the newest release that lives states it; null when no server that lives knows it. */
  readonly declared: BehaviourDeclaration | null;
  readonly uses: Readonly<Record<BehaviourMode, number>>;
  /** When it was last met as it was before; null for never. */
  readonly lastRetained: Date | null;
  /** Where it was met as it was before: how often, when last, and by which server then. */
  readonly retained: readonly {
    readonly shard: string;
    readonly uses: number;
    readonly lastUsed: Date;
    readonly server: string;
  }[];
  /** Why somebody should look: it has expired, or soon does; null when all is well. */
  readonly warning: string | null;
}

/** Ahead of the end, so that whoever depends on it can be found in time. */
const WARNED_DAYS = 30;
const DAY_MS = 24 * 3600 * 1000;

/** By name, summed over the shards. @throws SHARD_UNREACHABLE for the first that is. */
export async function readBehaviours(
  shards: readonly FeatureShard[],
  now: Date,
): Promise<readonly BehaviourReport[]> {
  const read = shards.map((shard) => readShardBehaviours(shard));
  return behavioursOf(await Promise.all(read), now);
}

/** What one shard says. */
export interface ShardBehaviours {
  readonly shard: string;
  readonly servers: readonly LiveServer[];
  readonly rows: readonly BehaviourRow[];
}

/** @throws SHARD_UNREACHABLE and PostgreSQL's errors */
export async function readShardBehaviours(
  { name: shard, url }: FeatureShard,
  timeoutMs = LOOK_MS,
): Promise<ShardBehaviours> {
  const read = async (session: Session) => {
    const { servers } = await readFeatureFacts(session);
    const [found] = await session.query<{ has_behaviours: boolean }>(
      "select to_regclass('halflap.behaviour') is not null as has_behaviours",
    );
    if (!found?.has_behaviours) return { shard, servers, rows: [] };
    const rows = await session.query<BehaviourRow>(
      `select name, mode, uses::text, first_used_at, last_used_at, server
       from halflap.behaviour`,
    );
    return { shard, servers, rows };
  };
  return withReading(url, 'behaviours', read, { timeoutMs });
}

/** By name, summed over the shards. */
export function behavioursOf(
  read: readonly ShardBehaviours[],
  now: Date,
): readonly BehaviourReport[] {
  const rows = read.flatMap((one) => one.rows.map((row) => ({ ...row, shard: one.shard })));
  const stated = read
    .flatMap((one) => one.servers)
    .sort((left, right) => compareVersions(left.release, right.release));
  const declared = new Map<string, BehaviourDeclaration>(
    stated.flatMap(({ about }) => Object.entries(about?.behaviours ?? {})),
  );
  const names = new Set([...declared.keys(), ...rows.map(({ name }) => name)]);
  return [...names].sort().map((name) => {
    const own = rows.filter((row) => row.name === name);
    return reportOf(name, { declared: declared.get(name) ?? null, rows: own, now });
  });
}

interface Found {
  readonly declared: BehaviourDeclaration | null;
  readonly rows: readonly (BehaviourRow & { readonly shard: string })[];
  readonly now: Date;
}

function reportOf(behaviour: string, { declared, rows, now }: Found): BehaviourReport {
  const retained = rows.filter(({ mode }) => mode === 'retained');
  const last = Math.max(...retained.map(({ last_used_at }) => last_used_at.getTime()));
  const sum = (mode: BehaviourMode) =>
    rows.filter((row) => row.mode === mode).reduce((total, row) => total + Number(row.uses), 0);
  const lastRetained = retained.length === 0 ? null : new Date(last);
  return {
    behaviour,
    declared,
    uses: { retained: sum('retained'), changed: sum('changed') },
    lastRetained,
    retained: retained.map(({ shard, uses, last_used_at: lastUsed, server }) => {
      return { shard, uses: Number(uses), lastUsed, server };
    }),
    warning: warningOf(declared, lastRetained, now),
  };
}

function warningOf(
  declared: BehaviourDeclaration | null,
  lastRetained: Date | null,
  now: Date,
): string | null {
  if (declared === null) return 'no server that lives knows it';
  if (declared.expires === null) return null;
  const days = Math.floor((Date.parse(declared.expires) - now.getTime()) / DAY_MS) + 1;
  if (days > WARNED_DAYS) return null;
  const used =
    lastRetained === null ? 'never used' : `last used ${lastRetained.toISOString().slice(0, 10)}`;
  return days > 0 ? `expires in ${days} d; ${used}` : `expired ${declared.expires}; ${used}`;
}
