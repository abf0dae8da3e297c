// Everything that is looked at when somebody asks how the whole is: which checks, and on what.

import type { ShardReport } from '@halflap/engine/runner';
import { readHomeFacts, readStoreFacts } from '@halflap/server';
import { summaryIn } from '../bundles.js';
import { type Check, type Finding, runChecks } from './check.js';
import { endpointChecks } from './endpoint-checks.js';
import { type GroundOptions, groundOf, type LookedAt } from './ground.js';
import {
  diskCheck,
  mailCheck,
  natsCheck,
  providerCheck,
  secretFilesCheck,
} from './outside-checks.js';
import { type Looking, once, reportOf, type ShardTarget, shardChecks } from './shard-checks.js';
import { storeChecks } from './store-checks.js';

export interface WholeOptions extends GroundOptions {
  /** For each connection, and each answer. */
  readonly timeoutMs: number;
  readonly clock: () => Date;
  /** Open for longer than this, a transaction is a long one. */
  readonly longSeconds: number;
}

export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly ground: LookedAt;
  /** What was found of each shard, for whoever wants more than the findings. */
  readonly reports: ReadonlyMap<string, () => Promise<ShardReport>>;
}

/** A verb takes a few; a server has a pool of ten, and two beside it. */
const SPARE = { verb: 5, server: 12 } as const;
/** A check asks several times, each for `timeoutMs` at most. */
const PATIENCE = 2;

/** Looks at everything at once. Never throws. */
export async function diagnose(options: WholeOptions): Promise<Diagnosis> {
  const ground = await groundOf(options);
  const { timeoutMs } = options;
  const looking = lookingOf(ground, options);
  const reports = new Map(
    ground.shards.map((shard) => [shard.name, once(() => reportOf(shard, looking))] as const),
  );
  const ofShards = ground.shards.flatMap((shard) => {
    const report = reports.get(shard.name);
    return report === undefined ? [] : shardChecks(shard, report, looking);
  });
  const checks = [
    ...secretFilesCheck(ground.sources),
    ...ofShards,
    ...(ground.data === undefined ? [] : [diskCheck(ground.data)]),
    ...serverChecks(ground, reports, options),
  ];
  const found = await runChecks(checks, PATIENCE * timeoutMs);
  return { findings: [...ground.findings, ...found], ground, reports };
}

function lookingOf({ app, config, data, server }: LookedAt, options: WholeOptions): Looking {
  const { timeoutMs, clock, longSeconds } = options;
  return {
    ...{ app, timeoutMs, clock, longSeconds },
    spareConnections: server === undefined ? SPARE.verb : SPARE.server,
    isOwn: data !== undefined,
    summaryOf: (version) => config && summaryIn(config, {}, version),
  };
}

/** Of the system management application; none for another one. */
function serverChecks(
  ground: LookedAt,
  reports: Diagnosis['reports'],
  { timeoutMs, clock }: WholeOptions,
): Check[] {
  const { home, secret, server, shards } = ground;
  const homeShard = shards.find(({ name }) => name === home);
  if (home === undefined || homeShard === undefined) return [];
  const homeFacts = once(async () => readHomeFacts(reachable(homeShard), secret, { timeoutMs }));
  const stores = shards.map((shard) => ({
    name: shard.name,
    facts: once(async () => readStoreFacts(reachable(shard), { timeoutMs })),
    async isThere() {
      const report = await reports.get(shard.name)?.();
      return report?.health != null && report.status.state?.app === ground.app;
    },
    async leases() {
      const report = await reports.get(shard.name)?.();
      return report?.health ? report.status.leases : null;
    },
  }));
  const ofHome = stores.find(({ name }) => name === home);
  if (ofHome === undefined) return [];
  const store = storeChecks({
    ...{ shards: stores, home: ofHome, homeFacts, clock },
    ...{ server: server?.name, hasNats: server?.nats !== undefined },
  });
  if (server === undefined) return store;
  const { listen, agents, hasCertificate, nats, oidc, mail } = server;
  const authority = async () => (await homeFacts()).authority;
  return [
    ...store,
    ...endpointChecks({ listen, agents, hasCertificate, authority, timeoutMs, clock }),
    ...(nats === undefined ? [] : [natsCheck(nats, timeoutMs)]),
    ...(oidc === undefined ? [] : [providerCheck(oidc, timeoutMs)]),
    ...(mail === undefined ? [] : [mailCheck(mail, timeoutMs)]),
  ];
}

/** @throws what keeps its URL from being known. */
function reachable({ name, url }: ShardTarget): { readonly name: string; readonly url: string } {
  if (typeof url !== 'string') throw url;
  return { name, url };
}
