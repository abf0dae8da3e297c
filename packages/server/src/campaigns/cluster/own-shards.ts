// The shards of Halflap itself, as a cluster that it upgrades: those of the store. Each server has
// their addresses in its own configuration, so nothing of them is kept or sealed, and a password
// that was replaced there is replaced here.
//
// Invariant: what is looked at is every shard that was declared and every one that this server
// knows, so that no server decides by fewer than were approved.

import type { StoreShard } from '../../store/install.js';
import type { ShardAddress } from './clusters.js';
import type { ClusterDeclaration } from './declaration.js';

/** As somebody gives it: shards may be left out where the servers know them. */
export type GivenDeclaration = Omit<ClusterDeclaration, 'shards'> &
  Partial<Pick<ClusterDeclaration, 'shards'>>;

/** With all shards of the store, where it is of Halflap itself; those that it names come first. */
export function withOwnShards(
  given: GivenDeclaration,
  own: readonly StoreShard[],
): ClusterDeclaration {
  const { shards = [] } = given;
  if (given.itself !== true) return { ...given, shards };
  const named = new Set(shards.map(({ name }) => name));
  const others = own.filter(({ name }) => !named.has(name)).map(({ name }) => ({ name }));
  return { ...given, shards: [...shards, ...others] };
}

/** Without a url where this server does not know it. */
export function ownAddresses(
  declared: ClusterDeclaration,
  own: readonly StoreShard[],
): readonly ShardAddress[] {
  const urls = new Map(own.map(({ name, url }) => [name, url]));
  return withOwnShards(declared, own).shards.map(({ name, canary: isCanary = false }) => ({
    ...{ name, isCanary, url: urls.get(name) ?? null },
  }));
}
