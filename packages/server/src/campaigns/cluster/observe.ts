// Looks at a cluster: its servers by what their hosts tell and by their leases, its shards by what
// they say themselves, all at once. It never fails for one of them: what is not known is said.

import type { Bundle, ShardReader, ShardStatus } from '@halflap/engine/runner';
import { compareVersions, HalflapError } from '@halflap/protocol';
import type { Store } from '../../store/store.js';
import {
  type LeaseSeen,
  type ServerSeen,
  type ShardSeen,
  serviceOf,
  type World,
} from '../decide/world.js';
import type { ShardAddress } from './clusters.js';
import type { ClusterDeclaration } from './declaration.js';
import { byServerName, missing, resolveServers, type ServerFound } from './resolve.js';

export interface Looking {
  readonly declared: ClusterDeclaration;
  readonly addresses: readonly ShardAddress[];
  readonly between: { readonly from: string; readonly to: string };
  /** Null where none is known yet: then nobody knows whether a verify may be trusted. */
  readonly bundle: Bundle | null;
  /** Servers that were there when the campaign was planned: they are looked for by name. */
  readonly expected: readonly string[];
  readonly excluded: readonly Excluded[];
  /** Servers by what their health checks said last. */
  readonly health: ReadonlyMap<string, boolean | null>;
  /** What the shards have said just now, for whoever asked them to know the rest. */
  readonly read?: readonly ShardRead[];
}

export interface ShardRead {
  readonly address: ShardAddress;
  readonly status: ShardStatus;
}

export interface Excluded {
  readonly kind: 'server' | 'shard';
  readonly name: string;
  readonly reason: string;
  readonly by: string;
  readonly at: string;
}

export interface Observed {
  readonly world: World;
  readonly servers: readonly ServerFound[];
  /** Of shards that answered. */
  readonly statuses: ReadonlyMap<string, ShardStatus>;
  readonly silent: readonly string[];
  /** Names that several hosts would register by. */
  readonly ambiguous: readonly string[];
}

/** How long a shard is waited for. */
export const SHARD_MS = 5000;

/** @throws STORE_UNAVAILABLE when no shard of the store answers */
export async function observe(
  { store, reader }: { readonly store: Store; readonly reader: ShardReader },
  looking: Looking,
): Promise<Observed> {
  const { declared, addresses, bundle, excluded } = looking;
  const [resolved, read] = await Promise.all([
    resolveServers(store, declared),
    knownOf(reader, looking.read ?? readAll(reader, addresses), bundle),
  ]);
  const isOut = (kind: Excluded['kind'], name: string) =>
    excluded.some((one) => one.kind === kind && one.name === name);
  const takesSessionLens = declared.sessionLens === true && bundle?.sessionLens.impossible === null;
  const shards = read.map(({ address, status, isVerified }): ShardSeen => {
    const known = {
      isVerified,
      name: address.name,
      takesSessionLens,
      isExcluded: isOut('shard', address.name),
    };
    return { ...seenOf(status, declared.app), ...known };
  });
  const known = new Set(resolved.servers.map(({ name }) => name));
  const gone = looking.expected.filter((name) => !known.has(name)).map(missing);
  const servers = [...resolved.servers, ...gone].sort(byServerName);
  const releases = releasesBy(shards);
  const seen = servers.map((one): ServerSeen => {
    const isHealthy = looking.health.get(one.name) ?? null;
    return {
      ...serverSeen(one, releases.get(one.name), declared),
      isHealthy,
      isExcluded: isOut('server', one.name),
    };
  });
  const features = featuresOf(read, looking.between.from);
  const world: World = { ...looking.between, servers: seen, shards, features };
  const statuses = new Map(read.map(({ address, status }) => [address.name, status]));
  const { silent, ambiguous } = resolved;
  return { world, servers, statuses, silent, ambiguous };
}

/** What servers of the older release do not know, and may meet already: by name, each once. */
function featuresOf(read: readonly ShardRead[], from: string): string[] {
  const rows = read.flatMap(({ status }) => status.features);
  const names = rows.flatMap((one) => (compareVersions(one.release, from) > 0 ? [one.name] : []));
  return [...new Set(names)].sort();
}

/** All shards at once, each with its time. Never fails for one. */
export function readAll(
  reader: ShardReader,
  addresses: readonly ShardAddress[],
): Promise<ShardRead[]> {
  return Promise.all(
    addresses.map(async (address) => {
      const { url } = address;
      const status = await reader.read(url ?? unknownHere());
      return { address, status: discreet(status, url) };
    }),
  );
}

/** With it whether contract may trust the last verify, of each that is dual. */
async function knownOf(
  reader: ShardReader,
  reading: readonly ShardRead[] | Promise<readonly ShardRead[]>,
  bundle: Bundle | null,
) {
  return Promise.all(
    (await reading).map(async (one) => {
      const { url } = one.address;
      const isAsked = bundle !== null && url !== null && one.status.state?.phase === 'dual';
      return { ...one, isVerified: isAsked && (await reader.isVerified(url, bundle)) };
    }),
  );
}

function unknownHere(): HalflapError {
  return new HalflapError('CONFIG_INVALID', UNKNOWN_HERE, { hint: 'give every server its shards' });
}

/** Why a shard of Halflap itself is not asked. */
export const UNKNOWN_HERE = 'it is not in the halflap.yaml of the server that looks at it';

/** Errors of drivers may quote what they were given. */
function discreet(status: ShardStatus, url: string | null): ShardStatus {
  const clean = (text: string | null) => (text === null ? null : withoutSecrets(text, url));
  const { error, hint, blocked } = status;
  return { ...status, error: clean(error), hint: clean(hint), blocked: clean(blocked) };
}

export function withoutSecrets(text: string, url: string | null): string {
  if (url === null) return text;
  const secrets = [url];
  try {
    const { password } = new URL(url);
    if (password !== '') secrets.push(password, decodeURIComponent(password));
  } catch {
    // What cannot be read as an address is hidden as a whole.
  }
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '•••'), text);
}

function seenOf(
  status: ShardStatus,
  app: string,
): Omit<ShardSeen, 'name' | 'takesSessionLens' | 'isExcluded' | 'isVerified'> {
  const { state, quarantined, blocked } = status;
  const unreachable = whyUnknown(status, app);
  if (state === null || unreachable !== null) {
    return {
      ...{ unreachable: unreachable ?? 'nothing is known of it', phase: 'settled' },
      ...{ floor: '', ceiling: '', quarantined: 0, blocked: null, leases: [] },
    };
  }
  const { phase, floor, ceiling } = state;
  const leases = status.leases.map(({ server, release, mode }): LeaseSeen => {
    const isOwn = mode === 'lens' && phase === 'settled' && release !== floor;
    return { server, release, mode: isOwn ? 'session' : mode };
  });
  const shard = { phase, floor, ceiling, takesSessionLens: false };
  const unregistered = status.sessions.map(({ server, release }): LeaseSeen => {
    return { server, release, mode: serviceOf(shard, release, ceiling) ?? 'refused' };
  });
  const all = [...leases, ...unregistered];
  return { unreachable, phase, floor, ceiling, quarantined, blocked, leases: all };
}

function whyUnknown({ reachable, error, state }: ShardStatus, app: string): string | null {
  if (error !== null || !reachable) return error ?? 'no connection';
  if (state === null) return 'Halflap does not know it: adopt or install a release';
  return state.app === app ? null : `it holds ${state.app}, and the cluster is of ${app}`;
}

/** By which releases each server works with any of the shards. */
function releasesBy(shards: readonly ShardSeen[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { leases } of shards) {
    for (const { server, release } of leases) {
      const known = found.get(server);
      if (known === undefined) found.set(server, new Set([release]));
      else known.add(release);
    }
  }
  return found;
}

function serverSeen(
  { name, isConnected, installed }: ServerFound,
  releases: ReadonlySet<string> | undefined,
  declared: ClusterDeclaration,
): Omit<ServerSeen, 'isHealthy' | 'isExcluded'> {
  const running = [...(releases ?? [])].sort();
  // Without a package what it runs is all that tells what it has.
  const own = declared.package === undefined && running.length === 1 ? (running[0] ?? null) : null;
  return { name, isConnected, installed: installed ?? own, running };
}
