// What is looked at of the store, when the application is Halflap's own: buckets, servers, the bus,
// hosts, keys, the audit log.

import { EXIT, type LeaseRow } from '@halflap/protocol';
import {
  AUDIT_ENTRIES,
  BUCKETS,
  CERTIFICATE_DAYS,
  type HomeFacts,
  type StoreFacts,
} from '@halflap/server';
import { count, duration, utc } from '../print.js';
import { type Check, type Finding, failed, ok, warning } from './check.js';

export interface StoreShard {
  readonly name: string;
  /** Whether it answers and has a store: where not, that is told once, and not by each check. */
  isThere(): Promise<boolean>;
  /** @throws when the shard is away, or holds no store */
  facts(): Promise<StoreFacts>;
  /** Servers that hold a lease there; null when it is away. */
  leases(): Promise<readonly LeaseRow[] | null>;
}

export interface StoreLooking {
  readonly shards: readonly StoreShard[];
  readonly home: StoreShard;
  homeFacts(): Promise<HomeFacts>;
  /** The name of the server of this machine; undefined where none is configured. */
  readonly server: string | undefined;
  readonly hasNats: boolean;
  readonly clock: () => Date;
}

const DAY_MS = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 90;
/** A move holds a bucket for its short copy. */
const MOVING_SECONDS = 600;
/** A message is handled within seconds. */
const WAITING_SECONDS = 60;
/** A relay that died is followed by another within seconds. */
const RELAY_SECONDS = 60;

export function storeChecks(looking: StoreLooking): Check[] {
  const { shards, home } = looking;
  const homeCheck = (name: string, find: (place: Place, facts: HomeFacts) => Finding): Check => {
    const place = { name, of: `shard ${home.name}, the home shard` };
    const run = async () =>
      (await home.isThere()) ? [find(place, await looking.homeFacts())] : [];
    return { ...place, run };
  };
  const shardCheck = (name: string, find: (place: Place, facts: StoreFacts) => Finding) =>
    shards.map((shard): Check => {
      const place = { name, of: `shard ${shard.name}` };
      const run = async () => ((await shard.isThere()) ? [find(place, await shard.facts())] : []);
      return { ...place, run };
    });
  return [
    { ...{ name: 'buckets', of: null }, run: () => buckets(looking) },
    { ...{ name: 'servers', of: null }, run: () => servers(looking) },
    ...shardCheck('bus', (place, facts) => bus(place, facts, looking.hasNats)),
    ...shardCheck('hosts', hosts),
    homeCheck('authority', (place, facts) => authority(place, facts, looking.clock())),
    homeCheck('jobs', jobs),
    homeCheck('alerts', alerts),
    homeCheck('audit log', audit),
  ];
}

type Place = Pick<Check, 'name' | 'of'>;

/** Every bucket is on one shard; which, is said by all shards together. */
async function buckets({ shards }: StoreLooking): Promise<Finding[]> {
  const place = { name: 'buckets', of: null };
  const all = await Promise.allSettled(shards.map(({ facts }) => facts()));
  const known = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const silent = shards.filter((_, at) => all[at]?.status === 'rejected').map(({ name }) => name);
  const owned = new Set(known.flatMap((facts) => facts.buckets.owned));
  const leaving = known.flatMap((facts) => facts.buckets.leaving);
  const stuck = leaving.filter(({ seconds }) => seconds > MOVING_SECONDS);
  for (const { bucket } of leaving) owned.add(bucket);
  const missing = BUCKETS - owned.size;
  if (silent.length > 0) {
    const found = `${count(owned.size)} of ${count(BUCKETS)} seen; silent: ${silent.join(', ')}`;
    return [warning(place, found, 'bring these shards back: their hosts are away with them')];
  }
  if (missing > 0) {
    const found = `${count(missing)} of ${count(BUCKETS)} are on no shard of this file`;
    const next = 'list every shard that has hosts in halflap.yaml, the same for every server';
    return [failed(place, found, next)];
  }
  if (stuck.length === 0) return [ok(place, `all ${count(BUCKETS)} have a shard`)];
  const found = `${stuck.length} are on their way since ${duration(stuck[0]?.seconds ?? 0)}`;
  return [warning(place, found, 'halflap buckets move: it goes on with them')];
}

/** Every server is to hold a lease on every shard. */
async function servers({ shards, server }: StoreLooking): Promise<Finding[]> {
  const place = { name: 'servers', of: null };
  const leases = await Promise.all(
    shards.map(async (shard) => ({ shard: shard.name, rows: await shard.leases() })),
  );
  const there = leases.flatMap(({ shard, rows }) => (rows === null ? [] : [{ shard, rows }]));
  if (there.length === 0) return [];
  const rows = there.flatMap(({ shard, rows }) => rows.map((row) => ({ ...row, shard })));
  const names = [...new Set(rows.map((row) => row.server))].sort();
  if (names.length === 0) {
    return [failed(place, 'no server holds a lease on any shard', 'start one: halflap serve')];
  }
  const text = names.map((name) => {
    const releases = new Set(rows.filter((row) => row.server === name).map((row) => row.release));
    return `${name} (${[...releases].sort().join(', ')})`;
  });
  const found = [ok(place, text.join(', '))];
  for (const name of names) {
    const own = rows.filter((row) => row.server === name);
    const instances = new Set(own.map(({ instance }) => instance));
    const lacking = there.filter(({ shard }) => own.every((row) => row.shard !== shard));
    if (instances.size > 1) {
      const next = 'give each server a name of its own; or one was killed, and its lease ends soon';
      found.push(warning(place, `${instances.size} processes call themselves ${name}`, next));
    }
    if (lacking.length > 0) {
      const which = lacking.map(({ shard }) => shard).join(', ');
      const next = `look at the log of ${name}, and at the shards in its halflap.yaml`;
      found.push(warning(place, `${name} holds no lease on ${which}`, next));
    }
  }
  if (server !== undefined && !names.includes(server)) {
    const next = 'start it: halflap serve; and read its log';
    found.push(warning(place, `the server of this machine, ${server}, is not among them`, next));
  }
  return found;
}

function bus(place: Place, { backlog, relayExpiredSeconds }: StoreFacts, hasNats: boolean) {
  const sum = (key: 'waiting' | 'parked' | 'unreadable') =>
    backlog.reduce((all, row) => all + row[key], 0);
  const oldest = Math.max(0, ...backlog.map(({ ageSeconds }) => ageSeconds ?? 0));
  const found = `${count(sum('waiting'))} wait, ${count(sum('parked'))} are parked`;
  if (sum('parked') > 0) {
    const next = 'read the reasons: halflap bus parked; then halflap bus give-back, or discard';
    return warning(place, found, next);
  }
  if (sum('unreadable') > 0) {
    const what = `${count(sum('unreadable'))} are of a newer release`;
    return warning(place, `${found}; ${what}`, 'they wait for a server of that release');
  }
  if (oldest > WAITING_SECONDS) {
    const next = 'look at the logs of the servers: who handles them fails, or none runs';
    return warning(place, `${found}, the oldest for ${duration(oldest)}`, next);
  }
  if (hasNats && relayExpiredSeconds !== null && relayExpiredSeconds > RELAY_SECONDS) {
    const idle = `nobody has carried messages to NATS for ${duration(relayExpiredSeconds)}`;
    return warning(place, `${found}; ${idle}`, 'look at NATS, and at the logs of the servers');
  }
  return ok(place, found);
}

function hosts(place: Place, { hosts: of, sessions }: StoreFacts): Finding {
  const by = sessions.map(({ server, hosts }) => `${server} ${count(hosts)}`).join(', ');
  const found =
    `${count(of.active)} active, ${count(of.connected)} connected` +
    (by === '' ? '' : ` (${by})`) +
    (of.pending === 0 ? '' : `, ${count(of.pending)} wait for approval`);
  if (of.ended > 0) {
    const what = `the certificates of ${count(of.ended)} have ended`;
    return warning(place, `${found}; ${what}`, 'enrol them again: halflap tokens create');
  }
  if (of.ending === 0) return ok(place, found);
  const what = `the certificates of ${count(of.ending)} end within ${CERTIFICATE_DAYS} days`;
  return warning(place, `${found}; ${what}`, 'let these hosts connect, which renews them');
}

function authority(place: Place, { keys, authority: pem }: HomeFacts, now: Date): Finding {
  const closed = keys.filter(({ opens }) => opens === false);
  if (pem === null)
    return failed(place, 'the cluster has no keys', 'start a server: halflap serve');
  if (closed.length > 0) {
    const found = 'the keys of the cluster do not open with the secret of this file';
    return failed(place, found, 'give it the secret of the other servers', EXIT.usage);
  }
  const roots = keys.filter(({ kind }) => kind === 'authority');
  // Of two the newer one stays.
  const ends = roots.at(-1)?.expiresAt ?? now;
  const days = Math.floor((ends.getTime() - now.getTime()) / DAY_MS);
  const replaced = roots.length > 1 ? '; the one before is still trusted' : '';
  const found = `good until ${utc(ends).slice(0, 10)}${replaced}`;
  if (days < 0) return failed(place, `ended at ${utc(ends)}`, 'a new cluster; every host enrols');
  if (days < AUTHORITY_DAYS) {
    return warning(place, found, 'halflap authority rotate; and halflap authority status');
  }
  const opens = keys.every((key) => key.opens === true) ? '; the keys open' : '';
  return ok(place, found + opens);
}

function jobs(place: Place, { jobs: { open, undriven } }: HomeFacts): Finding {
  if (undriven === 0) return ok(place, `${count(open)} under way`);
  const next = 'start a server; if one runs, read its log';
  return warning(place, `${count(undriven)} of ${count(open)} are driven by no server`, next);
}

function alerts(place: Place, { overdueDeliveries: overdue }: HomeFacts): Finding {
  if (overdue === 0) return ok(place, 'nothing that is due waits');
  const next = 'a server with smtp and mail_from sends mail; else read the servers’ logs';
  return warning(place, `${count(overdue)} deliveries are overdue`, next);
}

function audit(place: Place, { audit: { ok: isWhole, broken, head } }: HomeFacts): Finding {
  const looked = Math.min(AUDIT_ENTRIES, Number(head.number));
  if (isWhole) return ok(place, `the last ${count(looked)} are whole; head: entry ${head.number}`);
  const found = `entry ${broken?.number}: ${broken?.reason}`;
  const next = 'keep the database as it is; halflap audit verify, and the heads in servers’ logs';
  return failed(place, found, next);
}
