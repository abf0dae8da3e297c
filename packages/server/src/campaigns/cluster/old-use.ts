// Who uses the old layout of a shard: what leases and names of sessions do not tell of servers that
// the cluster does not know, as contract would find it. It takes a while to watch, so it is asked
// for one shard, when somebody wants to know.

import { type Bundle, type Finding, remedyOn, type ShardReader } from '@halflap/engine/runner';
import type { Refusal } from '../decide/safety.js';
import type { ShardAddress } from './clusters.js';
import { withoutSecrets } from './observe.js';

/** How long use is watched for, in ms: a part of what contract takes. */
const WATCH_MS = 1000;

/** What is known of leases, quarantine and verify besides. */
const KNOWN: ReadonlySet<Finding['kind']> = new Set(['lease', 'quarantine', 'verify']);

/** None for a shard that does not answer: that stands against contract by itself. */
export async function usesOfOld(
  reader: ShardReader,
  { name, url }: ShardAddress,
  bundle: Bundle,
): Promise<readonly Refusal[]> {
  if (url === null) return [];
  const findings = await reader.contractEvidence(url, bundle, WATCH_MS).catch(() => []);
  return findings
    .filter(({ kind }) => !KNOWN.has(kind))
    .map((finding) => ({
      ...{ by: 'shard' as const, name, why: `${name}: ${withoutSecrets(finding.text, url)}` },
      remedy: remedyOn(finding, { version: bundle.from.version, shard: name }),
      isFinal: !finding.isOverridable,
    }));
}
