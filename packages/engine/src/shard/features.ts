// Enables and disables a feature on all shards of an application, one pass over them after another:
//
//   enable    look at all ──► allow on each ──► every live server has heard it ──► enable on each
//   disable   look at all ──► allow on each ──► every live server has heard it ──► off on each
//
// Invariant: no pass begins before the one before it has ended on every shard. So a feature is
// enabled nowhere while a server lives that does not support it, wherever this was interrupted, and
// running it again goes on from there. The runner's lock of every shard is held meanwhile, so that
// no verb moves one. States and the reason for two passes: protocol/src/servers.ts.

import { setTimeout as delay } from 'node:timers/promises';
import { type FeatureDeclaration, type FeatureState, HalflapError } from '@halflap/protocol';
import { didYouMean } from '../release/suggest.js';
import {
  declaredBy,
  type FeatureFacts,
  readFeatureFacts,
  readUnaware,
  serversAgainst,
  shardAgainst,
  shardsLeftOut,
} from './feature-facts.js';
import { LIMITS } from './limits.js';
import { type OpenShard, withShard } from './opening.js';
import { readState, type ShardState, writeStateSchema } from './state.js';

export interface FeatureShard {
  readonly name: string;
  readonly url: string;
}

export interface FeatureOptions {
  readonly app: string;
  /** Every shard of the application; a server that uses another one stands against the feature. */
  readonly shards: readonly FeatureShard[];
  readonly feature: string;
  /** Who wants it; kept on the shards. */
  readonly by: string;
  /** Enables a feature from which nothing leads back, and says so. */
  readonly acceptsNoWayBack?: boolean;
  /** How long to wait until every live server has heard, in ms; they say so every 10 s or so. */
  readonly heardWithinMs?: number;
  readonly signal?: AbortSignal;
  /** Told what is being done. An error that it throws stops there. */
  readonly onStep?: (text: string) => void;
}

export interface FeatureOutcome {
  readonly feature: string;
  readonly state: 'enabled' | 'off';
  /** False when all shards were so already. */
  readonly changed: boolean;
}

/** Three heartbeats of a lease of a minute and a half. */
const HEARD_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 100;

interface Member extends OpenShard {
  readonly shard: string;
  readonly state: ShardState;
  readonly facts: FeatureFacts;
}

/**
 * Idempotent and resumable.
 * @throws FEATURE_REFUSED with each server and shard that stands against it; WAIT_TIMED_OUT when a
 * live server did not hear of it in time; SHARD_BUSY, SHARD_UNREACHABLE, SHARD_UNKNOWN,
 * EVOLUTION_MISMATCH, INTERRUPTED.
 */
export async function enableFeature(options: FeatureOptions): Promise<FeatureOutcome> {
  const { feature } = options;
  return withShards(options, async (members) => {
    const outcome = { feature, state: 'enabled' } as const;
    if (members.every((one) => stateOn(one, feature) === 'enabled')) {
      return { ...outcome, changed: false };
    }
    const declaration = findDeclaration(members, options);
    assertNothingAgainst(members, options, declaration);
    const isPromised = members.some((one) => stateOn(one, feature) === 'enabled');
    if (!declaration.isReversible && !options.acceptsNoWayBack && !isPromised) {
      throw noWayBack(members, options, declaration);
    }
    for (const member of members) await allow(member, options, declaration);
    await untilHeard(members, options);
    for (const member of members) {
      assertGoesOn(options, `enable on shard ${member.shard}`);
      await move(member, options, 'enabled');
    }
    return { ...outcome, changed: true };
  });
}

/**
 * Idempotent and resumable. Allowed for a reversible feature, and for one that was never enabled
 * anywhere. @throws as enableFeature.
 */
export async function disableFeature(options: FeatureOptions): Promise<FeatureOutcome> {
  const { feature } = options;
  return withShards(options, async (members) => {
    const outcome = { feature, state: 'off' } as const;
    const known = members.filter((one) => stateOn(one, feature) !== undefined);
    if (known.length === 0) return { ...outcome, changed: false };
    const kept = known.filter((one) => stateOn(one, feature) === 'enabled' && isKept(one, feature));
    if (kept.length > 0) {
      throw refused(
        options,
        'disabled: it does not say of itself that it is reversible',
        kept.map(({ shard }) => `it is enabled on shard ${shard}`),
        `go forward: a release after the one of ${feature}`,
      );
    }
    const strange = members.flatMap((one) => leftOut(one, options));
    if (strange.length > 0) {
      throw refused(options, 'disabled', strange, 'name every shard of the application');
    }
    for (const member of known) {
      assertGoesOn(options, `no longer enabled on shard ${member.shard}`);
      await move(member, options, 'allowed');
    }
    await untilHeard(known, options);
    for (const member of known) {
      assertGoesOn(options, `off on shard ${member.shard}`);
      await exclusively(member, () =>
        member.session.query('delete from halflap.feature where name = $1', [feature]),
      );
    }
    return { ...outcome, changed: true };
  });
}

/** All shards at once, each with its runner's lock. */
async function withShards<Result>(
  options: FeatureOptions,
  body: (members: readonly Member[]) => Promise<Result>,
  opened: readonly Member[] = [],
): Promise<Result> {
  const next = options.shards[opened.length];
  if (next === undefined) return body(opened);
  const { name: shard, url } = next;
  const { signal } = options;
  const { busyPatienceMs } = LIMITS;
  return withShard({ url, shard, purpose: 'features', busyPatienceMs, signal }, async (open) => {
    const state = await stateOf(open, shard, options.app);
    const facts = await readFeatureFacts(open.session);
    return withShards(options, body, [...opened, { ...open, shard, state, facts }]);
  });
}

async function stateOf({ session }: OpenShard, shard: string, app: string): Promise<ShardState> {
  const state = await readState(session, shard);
  if (state === null) {
    throw new HalflapError('SHARD_UNKNOWN', `Halflap does not know shard ${shard} yet`, {
      detail: { shard },
      hint: `halflap adopt VERSION --shard ${shard} takes it in, with the release it holds`,
    });
  }
  if (state.app !== app) {
    throw new HalflapError('EVOLUTION_MISMATCH', `shard ${shard} is of ${state.app}, not ${app}`, {
      detail: { shard },
      hint: `correct "app" in halflap.yaml, or the url of shard ${shard}`,
    });
  }
  await session.transaction(() => writeStateSchema(session));
  return state;
}

function findDeclaration(members: readonly Member[], options: FeatureOptions): FeatureDeclaration {
  const servers = members.flatMap(({ facts }) => facts.servers);
  const declaration = declaredBy(servers, options.feature);
  if (declaration !== undefined) return declaration;
  const names = servers.flatMap(({ about }) => Object.keys(about?.features ?? {}));
  const advice = didYouMean(options.feature, [...new Set(names)]);
  throw refused(
    options,
    `enabled: no server that lives supports it${advice}`,
    members.map(({ shard, facts }) => `servers on shard ${shard}: ${facts.servers.length}`),
    'upgrade the servers first; halflap features list shows what they support',
  );
}

function assertNothingAgainst(
  members: readonly Member[],
  options: FeatureOptions,
  declaration: FeatureDeclaration,
): void {
  const evidence = [...new Set(members.flatMap((member) => against(member, options, declaration)))];
  if (evidence.length === 0) return;
  const hint = 'move those shards on, upgrade or stop those servers; a lease ends by itself';
  throw refused(options, `enabled: ${evidence.length} stand against it`, evidence, hint);
}

function against(
  member: Pick<Member, 'shard' | 'state' | 'facts'>,
  options: FeatureOptions,
  declaration: FeatureDeclaration,
): string[] {
  const { shard, state, facts } = member;
  const why = shardAgainst(state, declaration);
  const servers = serversAgainst(facts, { feature: options.feature, shard });
  return [
    ...(why === null ? [] : [`shard ${shard} ${why}`]),
    ...servers,
    ...leftOut(member, options),
  ];
}

function leftOut({ facts }: Pick<Member, 'facts'>, { shards }: FeatureOptions): string[] {
  return shardsLeftOut(
    facts,
    shards.map(({ name }) => name),
  );
}

/** From its commit on no server begins here that does not support the feature. */
async function allow(
  member: Member,
  options: FeatureOptions,
  declaration: FeatureDeclaration,
): Promise<void> {
  const { feature, by } = options;
  assertGoesOn(options, `allow on shard ${member.shard}`);
  await exclusively(member, async () => {
    const facts = await readFeatureFacts(member.session);
    assertNothingAgainst([{ ...member, facts }], options, declaration);
    await member.session.query(
      `insert into halflap.feature (name, release, state, is_reversible, changed_by)
       values ($1, $2, 'allowed', $3, $4)
       on conflict do nothing`,
      [feature, declaration.since, declaration.isReversible, by],
    );
  });
}

async function move(member: Member, options: FeatureOptions, state: FeatureState): Promise<void> {
  await exclusively(member, () =>
    member.session.query(
      `update halflap.feature
       set state = $2, changed_by = $3, changed_at = clock_timestamp()
       where name = $1 and state <> $2`,
      [options.feature, state, options.by],
    ),
  );
}

/** While no server takes or renews a lease; for some milliseconds. */
async function exclusively({ session }: Member, body: () => Promise<unknown>): Promise<void> {
  await session.transaction(async () => {
    await session.query('select pg_advisory_xact_lock(halflap.feature_lock())');
    await session.query('update halflap.shard set changed_at = changed_at');
    await body();
  });
}

/** Waits for the next heartbeat of every server that lives. @throws WAIT_TIMED_OUT */
async function untilHeard(members: readonly Member[], options: FeatureOptions): Promise<void> {
  const { feature, heardWithinMs = HEARD_WITHIN_MS } = options;
  const deadline = performance.now() + heardWithinMs;
  for (const { shard, session } of members) {
    assertGoesOn(options, `wait until the servers of shard ${shard} have heard of it`);
    for (;;) {
      const unaware = await readUnaware(session, feature);
      if (unaware.length === 0) break;
      if (performance.now() > deadline) throw notHeard(unaware, shard, options);
      await delay(LOOK_EVERY_MS);
      assertGoesOn(options);
    }
  }
}

function stateOn({ facts }: Member, feature: string): FeatureState | undefined {
  return facts.features.find(({ name }) => name === feature)?.state;
}

function isKept({ facts }: Member, feature: string): boolean {
  return facts.features.some(({ name, is_reversible }) => name === feature && !is_reversible);
}

function assertGoesOn({ signal, feature, onStep }: FeatureOptions, text?: string): void {
  if (signal?.aborted) {
    throw new HalflapError('INTERRUPTED', `feature ${feature}: stopped on request`, {
      hint: `halflap features list shows where it stands; the same command goes on`,
    });
  }
  if (text !== undefined) onStep?.(text);
}

function noWayBack(
  members: readonly Member[],
  options: FeatureOptions,
  { since }: FeatureDeclaration,
): HalflapError {
  const open = members.filter(({ state }) => state.phase !== 'settled');
  return refused(
    options,
    'enabled without a word of yours: nothing leads back from it',
    [
      `servers that do not support it, such as those before ${since}, are refused on every shard`,
      ...open.map(({ shard, state }) => `abort to ${state.floor} is refused on shard ${shard}`),
      'it cannot be disabled',
    ],
    `halflap features enable ${options.feature} --all --accept-no-way-back`,
  );
}

function notHeard(unaware: readonly string[], shard: string, { feature }: FeatureOptions) {
  const message = `feature ${feature}: ${unaware.join(', ')} did not say in time that it was heard`;
  return new HalflapError('WAIT_TIMED_OUT', message, {
    detail: { shard, evidence: unaware.map((one) => `server ${one} on shard ${shard}`) },
    hint: 'a server that is gone is waited for until its lease ends; the same command goes on',
  });
}

function refused(
  { feature }: FeatureOptions,
  problem: string,
  evidence: readonly string[],
  hint: string,
): HalflapError {
  return new HalflapError('FEATURE_REFUSED', `feature ${feature} cannot be ${problem}`, {
    detail: { evidence },
    hint,
  });
}
