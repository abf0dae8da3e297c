// Enables and disables a feature on all shards of a cluster, for an operator.
//
// The engine waits until every live server has heard of it, which may take longer than an answer
// may. So a request goes as far as its time lets it, and says `underway` with those that are waited
// for: the same request goes on from there, on whichever server. While it is so, no server begins
// that does not support the feature: nothing is unsafe for as long as nobody asks again.

import {
  disableFeature,
  enableFeature,
  type FeatureOutcome,
  type FeatureReport,
  sqlStateOf,
} from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import type { Store } from '../../store/store.js';
import { lookAtFeatures, shardsOf } from './between-servers.js';
import { isKnown } from './clusters.js';

export const FEATURE_VERBS = ['enable', 'disable'] as const;
export type FeatureVerb = (typeof FEATURE_VERBS)[number];

export interface FeatureAct {
  readonly verb: FeatureVerb;
  /** The id of the cluster. */
  readonly cluster: string;
  readonly feature: string;
  readonly by: string;
  readonly acceptsNoWayBack: boolean;
  /** How long servers are waited for to hear of it, in ms; default 7 s. */
  readonly heardWithinMs?: number | undefined;
}

export interface FeatureMoved {
  readonly feature: string;
  readonly state: FeatureOutcome['state'] | 'underway';
  readonly changed: boolean;
  /** Servers that have not heard yet, each with its shard. */
  readonly waitsFor: readonly string[];
}

/** For all of it, after the look: an answer is due in 15 s. */
const ACT_MS = 9000;
/** Of that, how long servers are waited for; their heartbeats come every 10 s or so. */
const HEARD_MS = 7000;

/**
 * Idempotent and resumable.
 * @throws FEATURE_REFUSED with each server and shard that stands against it; SHARD_BUSY,
 * SHARD_UNKNOWN, EVOLUTION_MISMATCH; API_NOT_FOUND
 */
export async function moveFeature(
  parts: { readonly store: Store; readonly secret: Buffer },
  { verb, cluster, feature, by, acceptsNoWayBack, heardWithinMs = HEARD_MS }: FeatureAct,
): Promise<FeatureMoved> {
  const { declared, addresses } = await shardsOf(parts, cluster);
  const act = { verb, feature, cluster: declared.name };
  const { known, shards } = await lookAtFeatures(addresses);
  const away = shards.filter(({ ok }) => !ok).map(({ shard, error }) => `shard ${shard} ${error}`);
  if (away.length > 0) throw refusal(act, `${away.length} shards do not answer`, away);
  const report = known.find((one) => one.feature === feature);
  const signal = AbortSignal.timeout(ACT_MS);
  const move = verb === 'enable' ? enableFeature : disableFeature;
  try {
    const outcome = await move({
      ...{ app: declared.app, shards: addresses.filter(isKnown), feature, by, acceptsNoWayBack },
      ...{ heardWithinMs, signal },
    });
    return { ...outcome, waitsFor: [] };
  } catch (error) {
    const waitsFor = waitedFor(error);
    if (waitsFor !== undefined || signal.aborted) {
      return { feature, state: 'underway', changed: true, waitsFor: waitsFor ?? [] };
    }
    throw told(error, act, { report, acceptsNoWayBack });
  }
}

function waitedFor(error: unknown): readonly string[] | undefined {
  const isWait = error instanceof HalflapError && error.code === 'WAIT_TIMED_OUT';
  return isWait ? (error.detail.evidence ?? []) : undefined;
}

interface Act {
  readonly verb: FeatureVerb;
  readonly feature: string;
  /** Its name. */
  readonly cluster: string;
}

interface Circumstances {
  readonly report: FeatureReport | undefined;
  readonly acceptsNoWayBack: boolean;
}

/** The engine speaks of halflap.yaml, which a cluster does not have, and of addresses. */
function told(error: unknown, act: Act, { report, acceptsNoWayBack }: Circumstances): unknown {
  // The role by which the shards are asked may lack a right.
  if (sqlStateOf(error) !== undefined && error instanceof Error) {
    return refusal(act, 'PostgreSQL refuses it on a shard', [error.message]);
  }
  if (!(error instanceof HalflapError)) return error;
  if (error.code === 'SHARD_UNREACHABLE') {
    return refusal(act, 'a shard has gone away', ['the same command goes on when it is back']);
  }
  if (error.code === 'EVOLUTION_MISMATCH') return refusal(act, error.message, []);
  if (error.code !== 'FEATURE_REFUSED') return error;
  const { verb, feature, cluster } = act;
  const isFinal = verb === 'enable' && report?.isReversible === false && !acceptsNoWayBack;
  // Alone what stands against it: then it lacks the word of the operator and nothing else.
  const isWordMissing = isFinal && report?.against.length === 0;
  return new HalflapError('FEATURE_REFUSED', error.message, {
    detail: { evidence: error.detail.evidence ?? [] },
    hint: isWordMissing
      ? `halflap clusters features enable ${cluster} ${feature} --accept-no-way-back`
      : (otherHint(error.hint) ?? listHint(cluster)),
  });
}

function otherHint(hint: string | undefined): string | undefined {
  return hint?.includes('halflap features') ? undefined : hint;
}

function listHint(cluster: string): string {
  return `halflap clusters features list ${cluster} shows what stands against it`;
}

function refusal({ verb, feature, cluster }: Act, why: string, evidence: readonly string[]) {
  return new HalflapError('FEATURE_REFUSED', `feature ${feature} cannot be ${verb}d: ${why}`, {
    ...(evidence.length === 0 ? {} : { detail: { evidence } }),
    hint: listHint(cluster),
  });
}
