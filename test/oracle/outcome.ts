// What a statement answers, and how two answers and two states are compared.

import { type Client, stateOf } from '../evolving/databases.js';

export interface Outcome {
  /** SQLSTATE of the refusal; null for none. */
  readonly state: string | null;
  readonly message: string;
  readonly count: number;
  readonly rows: readonly string[];
  readonly keys: readonly string[];
}

/** What the release in the field has no place for. */
export const UNHELD: Outcome = { state: 'HL001', message: '', count: 0, rows: [], keys: [] };

export async function outcomeOf(client: Client, text: string): Promise<Outcome> {
  try {
    const { rows, rowCount } = await client.query<Record<string, string>>(text);
    const keys = Object.values(rows[0] ?? {});
    const lines = rows.map((row) => JSON.stringify(Object.entries(row).sort()));
    return { state: null, message: '', count: rowCount ?? 0, rows: lines.sort(), keys };
  } catch (error) {
    const message = (error as Error).message;
    return { state: stateOf(error), message, count: 0, rows: [], keys: [] };
  }
}

export function assertSame(
  phase: string,
  { found, wanted }: { readonly found: Outcome; readonly wanted: Outcome },
): void {
  // Of several rules that a row breaks, any one may be the answer.
  const isRule = wanted.state?.startsWith('23') === true;
  const rule = (state: string | null) =>
    isRule && (state?.startsWith('23') || state === 'HL001' || state === '44000')
      ? 'a rule'
      : state;
  const short = ({ state, count, rows }: Outcome) => JSON.stringify([rule(state), count, rows]);
  if (short(found) === short(wanted)) return;
  throw new Error(
    `${phase}: the shard answers ${short(found)} ${found.message}\n` +
      `a plain database answers ${short(wanted)} ${wanted.message}`,
  );
}

export function assertLines(
  who: string,
  found: readonly string[],
  wanted: readonly string[],
): void {
  const only = (left: readonly string[], right: readonly string[]) =>
    left.filter((line) => !right.includes(line));
  const [extra, lacking] = [only(found, wanted), only(wanted, found)];
  if (extra.length + lacking.length === 0) return;
  throw new Error(`${who} sees\n  ${extra.join('\n  ')}\nexpected\n  ${lacking.join('\n  ')}`);
}
