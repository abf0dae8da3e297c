// Between which two releases a cluster stands, or would be led next: by its shards, of which the
// oldest says where it comes from.

import type { ShardReader, ShardState } from '@halflap/engine/runner';
import { compareVersions, HalflapError } from '@halflap/protocol';
import type { Queryable } from '../../store/leases.js';
import type { Cluster, ShardAddress } from './clusters.js';
import { EVOLUTION_COLUMNS, type EvolutionRow } from './evolutions.js';

export interface Between {
  readonly from: string;
  readonly to: string;
  /** Null where no bundle leads on; then both releases are the same, unless a shard is between. */
  readonly evolution: EvolutionRow | null;
}

/** What a shard says of itself: null where Halflap never was, undefined if it does not answer. */
export interface Told {
  readonly name: string;
  readonly state: ShardState | null | undefined;
}

/**
 * @param wanted the newer release; without: where shards are under way, else the newest bundle
 * @throws CAMPAIGN_REFUSED when no shard tells its release
 */
export async function findBetween(
  on: Queryable,
  cluster: Cluster,
  told: readonly Told[],
  wanted?: string,
): Promise<Between> {
  const { app } = cluster.declared;
  const states = told.flatMap(({ state }) => (state?.app === app ? [state] : []));
  const [oldest] = states.sort((one, other) => compareVersions(one.floor, other.floor));
  if (oldest === undefined) {
    throw new HalflapError(
      'CAMPAIGN_REFUSED',
      `no shard of ${cluster.declared.name} tells ${app}`,
      {
        detail: {
          evidence: told.map(({ name, state }) => `${name}: ${whyNot(state)}`),
        },
        hint: 'bring the shards up; adopt or install a release on them',
      },
    );
  }
  const from = oldest.floor;
  const newest = states.map(({ floor, ceiling }) => later(floor, ceiling)).sort(compareVersions);
  const ahead = newest.at(-1) ?? from;
  const to = wanted ?? (ahead === from ? undefined : ahead);
  const hash = states.find((one) => one.floor === from && one.bundle_hash !== null)?.bundle_hash;
  const { rows } = await on.query<EvolutionRow>(
    `select ${EVOLUTION_COLUMNS} from evolutions as e
     where e.app = $1 and e.from_release = $2 and ($3::text is null or e.to_release = $3)
     order by e.hash = $4 desc nulls last, e.added_at desc limit 1`,
    [app, from, to ?? null, hash ?? null],
  );
  const evolution = rows[0] ?? null;
  return { from, to: to ?? evolution?.to_release ?? from, evolution };
}

/** What has led the application to a release: the newest such bundle; null: none is known. */
export async function findLast(
  on: Queryable,
  { declared }: Cluster,
  release: string,
): Promise<EvolutionRow | null> {
  const { rows } = await on.query<EvolutionRow>(
    `select ${EVOLUTION_COLUMNS} from evolutions as e
     where e.app = $1 and e.to_release = $2
     order by e.added_at desc limit 1`,
    [declared.app, release],
  );
  return rows[0] ?? null;
}

function later(one: string, other: string): string {
  return compareVersions(one, other) < 0 ? other : one;
}

/** Asks all of them at once. */
export function askStates(reader: ShardReader, addresses: readonly ShardAddress[]) {
  return Promise.all(
    addresses.map(async ({ name, url }): Promise<Told> => {
      const state = url === null ? undefined : await reader.readState(url).catch(() => undefined);
      return { name, state };
    }),
  );
}

function whyNot(state: Told['state']): string {
  if (state === undefined) return 'it does not answer';
  return state === null ? 'Halflap does not know it' : `it holds ${state.app}`;
}
