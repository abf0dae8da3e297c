// How many rows a statement reads, and what it sets off: what shows that it finds them by an index,
// and that many rows cost what their number is, and not its square.

import type { Client } from './databases.js';

/** More than any statement on one key, or one slice, has to do with; less than any table. */
export const FEW_ROWS = 500;

/** Tables of which a statement reads many rows, with how many; the statement is undone. */
export async function readMuch(
  client: Client,
  statement: string,
  values: readonly unknown[] = [],
): Promise<string[]> {
  await client.query('begin');
  await client.query(statement, [...values]);
  const { rows } = await client.query<{ line: string }>(
    `select format('%s: %s by sequence, %s by index', relid::regclass, seq_tup_read,
       idx_tup_fetch) as line
     from pg_stat_xact_user_tables where seq_tup_read + coalesce(idx_tup_fetch, 0) > ${FEW_ROWS}`,
  );
  await client.query('rollback');
  return rows.map(({ line }) => line);
}

interface Plan {
  readonly 'Node Type': string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly Plan[];
}

/** A statement that looks at rows by the square takes longer than this; others may as well. */
const WORTH_A_LOOK = '5ms';

/**
 * Steps of plans that look at more rows than `most`, with how many, of a statement and of all that
 * its triggers run; the statement is undone. Of a superuser's session.
 */
export async function looksOften(
  client: Client,
  statement: string,
  most: number,
): Promise<string[]> {
  const plans: Plan[] = [];
  const hear = ({ message = '' }: { message?: string | undefined }) => {
    const [, text] = /^duration: .* plan:\s*(\{[\s\S]*)$/.exec(message) ?? [];
    if (text !== undefined) plans.push((JSON.parse(text) as { Plan: Plan }).Plan);
  };
  client.on('notice', hear);
  await client.query(`load 'auto_explain'; begin;
    set local auto_explain.log_min_duration = '${WORTH_A_LOOK}';
    set local auto_explain.log_analyze = on; set local auto_explain.log_timing = off;
    set local auto_explain.log_format = json; set local auto_explain.log_nested_statements = on;
    set local client_min_messages = log`);
  await client.query(statement);
  await client.query('rollback');
  client.off('notice', hear);
  return plans.flatMap(steps).flatMap((one) => {
    const perLoop = [
      'Actual Rows',
      'Rows Removed by Filter',
      'Rows Removed by Join Filter',
    ] as const;
    const looks = perLoop.reduce((sum, key) => sum + (one[key] ?? 0), 0);
    const all = Math.round(looks * (one['Actual Loops'] ?? 1));
    return all > most ? [`${one['Node Type']}: ${all} rows`] : [];
  });
}

function steps(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(steps)];
}
