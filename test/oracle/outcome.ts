// What a statement answers, and how two answers and two states are compared.

import { type Client, stateOf } from '../evolving/databases.js';
import { type Copy, copyIn, copyRows, isCopyOut } from './copying.js';

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

/** @param copy what is told in place of the text */
export async function outcomeOf(
  client: Client,
  text: string,
  copy: Copy | null = null,
): Promise<Outcome> {
  try {
    if (copy !== null) {
      return { state: null, message: '', count: await copyIn(client, copy), rows: [], keys: [] };
    }
    if (isCopyOut(text)) {
      const lines = (await copyRows(client, text)).sort();
      return { state: null, message: '', count: lines.length, rows: lines, keys: [] };
    }
    const { rows, rowCount } = await client.query<Record<string, string>>(text);
    const keys = Object.values(rows[0] ?? {});
    const lines = rows.map((row) => JSON.stringify(Object.entries(row).sort()));
    return { state: null, message: '', count: rowCount ?? 0, rows: lines.sort(), keys };
  } catch (error) {
    const message = (error as Error).message;
    return { state: stateOf(error), message, count: 0, rows: [], keys: [] };
  }
}

/** What went wrong, without the values: by it a failure is known again. */
export class Difference extends Error {
  constructor(
    readonly signature: string,
    message: string,
  ) {
    super(message);
  }
}

export function signatureOf(error: Error): string {
  if (error instanceof Difference) return error.signature;
  return (error.message.split('\n')[0] ?? '').replace(/\d+/g, '0');
}

export interface Answer {
  readonly found: Outcome;
  readonly wanted: readonly Outcome[];
  /** Whether the row may also break a rule of the other release. */
  readonly isShared: boolean;
}

/** Any of the answers is right. */
export function assertAnswer(phase: string, { found, wanted, isShared }: Answer): void {
  // Of several rules that a row breaks, any one may be the answer.
  const isRule = wanted.some(({ state }) => state?.startsWith('23') === true);
  const isOther = (state: string | null) => isShared && (state === 'HL001' || state === '44000');
  const rule = (state: string | null) =>
    isRule && (state?.startsWith('23') || isOther(state)) ? 'a rule' : state;
  const short = ({ state, count, rows }: Outcome) => JSON.stringify([rule(state), count, rows]);
  if (wanted.some((one) => short(found) === short(one))) return;
  const right = wanted.map((one) => `${short(one)} ${one.message}`).join(' or ');
  const states = wanted.map((one) => one.state).join();
  throw new Difference(
    `answers ${found.state}, not ${states}`,
    `${phase}: the shard answers ${short(found)} ${found.message}\n` +
      `a plain database answers ${right}`,
  );
}

export function assertLines(
  phase: string,
  release: string,
  { found, wanted }: { readonly found: readonly string[]; readonly wanted: readonly string[] },
): void {
  const only = (left: readonly string[], right: readonly string[]) =>
    left.filter((line) => !right.includes(line));
  const [extra, lacking] = [only(found, wanted), only(wanted, found)];
  if (extra.length + lacking.length === 0 && found.length === wanted.length) return;
  throw new Difference(
    `${release} sees ${extra.length > 0} ${lacking.length > 0}`,
    `${phase}: the ${release} release sees\n  ${extra.join('\n  ')}\n` +
      `expected\n  ${lacking.join('\n  ')}`,
  );
}
