// What stands before contract: a fresh verify, and the proof that nobody uses the old layout.

import { HalflapError } from '@halflap/protocol';
import type { VerifyStep } from '../compile/bundle.js';
import { contractEvidence, type Finding } from './evidence.js';
import { readStaleVerify as readStale } from './freshness.js';
import type { Run } from './run.js';

/** The verify steps that have not passed since the shard became dual, or not lately. */
export function readStaleVerify(run: Run): Promise<readonly VerifyStep[]> {
  return readStale(run.session, run.bundle, run.limits.verifyFreshMs);
}

/**
 * @returns what the journal keeps of the decision: nothing, or the reason for going on and what was
 * overridden by it.
 * @throws CONTRACT_REFUSED with all findings, of which a reason overrides only some.
 */
export async function refuseOnEvidence(
  run: Run,
  force: { readonly reason: string } | undefined,
): Promise<Readonly<Record<string, unknown>>> {
  const findings = await contractEvidence(run.session, run.bundle, {
    windowMs: run.limits.evidenceWindowMs,
    verifyFreshMs: run.limits.verifyFreshMs,
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  });
  const standing = force === undefined ? findings : findings.filter((one) => !one.isOverridable);
  if (standing.length > 0) throw contractRefused(run, findings);
  if (force === undefined) return {};
  for (const finding of findings) run.log(`overridden (${force.reason}): ${finding.text}`);
  return { force: { reason: force.reason, overridden: findings.map((one) => one.text) } };
}

function contractRefused(run: Run, findings: readonly Finding[]): HalflapError {
  const isOverridable = findings.every((one) => one.isOverridable);
  const again = `halflap contract --shard ${run.shard}`;
  const counted = findings.length === 1 ? '1 finding shows' : `${findings.length} findings show`;
  const about = { version: run.bundle.from.version, shard: run.shard };
  const hints = [...new Set(findings.map((one) => remedyOn(one, about)))];
  const force = isOverridable
    ? ` (--force-in-use "REASON" passes over what is known to be harmless)`
    : '';
  return new HalflapError(
    'CONTRACT_REFUSED',
    `contract is refused on shard ${run.shard}: ${counted} that release ` +
      `${run.bundle.from.version} is still needed`,
    {
      detail: { shard: run.shard, evidence: findings.map((one) => one.text) },
      hint: `${hints.join('; ')}; then ${again}${force}`,
    },
  );
}

/** What to do, so that a finding does not stand against contract any more. */
export function remedyOn(
  { kind, remedy }: Finding,
  { version, shard }: { readonly version: string; readonly shard: string },
): string {
  if (remedy !== undefined) return remedy;
  switch (kind) {
    case 'lease':
      return `upgrade or stop the servers of ${version}`;
    case 'write':
    case 'session':
    case 'scan':
      return `find in pg_stat_activity who still works as ${version}`;
    case 'quarantine':
      return `correct the rows that halflap quarantine --shard ${shard} lists`;
    case 'verify':
      return `halflap verify --shard ${shard}`;
    case 'publication':
      return 'take the tables out of the publication';
    case 'prepared transaction':
      return 'commit or roll back the prepared transactions';
    default:
      return kind satisfies never;
  }
}
