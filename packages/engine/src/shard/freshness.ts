// Has verify passed since both layouts are in service, and not too long ago?

import type { Bundle, VerifyStep } from '../compile/bundle.js';
import type { Session } from '../pg.js';

/** The verify steps that must be run again before contract may trust them. */
export async function readStaleVerify(
  session: Session,
  bundle: Bundle,
  freshMs: number,
): Promise<readonly VerifyStep[]> {
  const entersDual = bundle.steps.expand.find(
    (step) => step.kind === 'transaction' && step.entersPhase === 'dual',
  );
  const rows = await session.query<{ step: string }>(
    `select j.step
     from halflap.journal j
     join halflap.shard s on s.attempt = j.attempt
     join halflap.journal dual on dual.attempt = j.attempt and dual.step = $2
     left join halflap.progress p on p.step = j.step
     where j.step = any($1::text[])
       and j.started_at >= dual.finished_at
       and j.finished_at > clock_timestamp() - $3 * interval '1 millisecond'
       and coalesce(p.differences, 0) = 0`,
    [bundle.steps.verify.map((step) => step.id), entersDual?.id ?? '', freshMs],
  );
  const fresh = new Set(rows.map((row) => row.step));
  return bundle.steps.verify.filter((step) => !fresh.has(step.id));
}
