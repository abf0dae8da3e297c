// Rules that the new layout must keep but that PostgreSQL does not enforce yet: rows that break
// one are counted, named, and put into quarantine; rows that no longer do leave it.

import type { VerifyStep } from '../compile/bundle.js';
import { integer, literal, type Sql, sql } from '../sql.js';
import { EVIDENCE_LINES, type Findings } from './compare-range.js';
import { evolutionName, type Run } from './run.js';

/** check_violation: what the rule will answer once it is enforced. */
const OFFENCE = '23514';

export async function findOffenders(
  run: Run,
  step: VerifyStep,
  fill: (text: string) => Sql,
): Promise<Findings> {
  let differences = 0;
  const evidence: string[] = [];
  for (const { rule, sql: text } of step.offenders) {
    const keys = await quarantine(run, step, rule, fill(text));
    differences += keys.total;
    evidence.push(...keys.shown.map((key) => `${step.relation} (${key}): breaks ${rule}`));
  }
  return { differences, evidence };
}

async function quarantine(run: Run, step: VerifyStep, rule: string, offenders: Sql) {
  const values = [evolutionName(run.bundle), step.relation, rule];
  return run.session.transaction(async () => {
    await run.session.query(
      sql`delete from halflap.quarantine q
where q.evolution = $1 and q.relation = $2 and q.reason = $3
  and not exists (select from (${offenders}
) o where to_jsonb(o.*) = q.key)`.text,
      values,
    );
    const rows = await run.session.query<{ key: object; total: number }>(
      sql`with kept as (
  insert into halflap.quarantine (evolution, relation, key, sqlstate, reason)
  select distinct $1::text, $2::text, to_jsonb(o.*), ${literal(OFFENCE)}, $3::text
  from (${offenders}
) o
  order by 3
  on conflict (evolution, relation, key) do update
  set sqlstate = excluded.sqlstate, reason = excluded.reason
  returning id, key
)
select key, (count(*) over ())::int as total from kept
order by id
limit ${integer(EVIDENCE_LINES)}`.text,
      values,
    );
    return { total: rows[0]?.total ?? 0, shown: rows.map((row) => keyText(row.key)) };
  });
}

function keyText(key: object): string {
  return Object.entries(key)
    .map(([column, value]) => `${column}=${value}`)
    .join(', ');
}
