// A client that does one small statement after the other, in a thread of its own, and remembers
// each one that took long. Started by stalls.ts with what it shall do.

import { parentPort, workerData } from 'node:worker_threads';
import { Client } from 'pg';

export interface BusyOrder {
  readonly url: string;
  readonly searchPath: string;
  readonly rows: number;
  /** Statements with one parameter, a key; done in turn. */
  readonly statements: readonly string[];
}

/** Times are milliseconds since 1970, with fractions. */
export interface Slow {
  readonly startedAt: number;
  readonly ms: number;
}

export interface BusyReport {
  readonly statements: number;
  readonly slow: readonly Slow[];
  /** Messages of statements that failed. */
  readonly failures: readonly string[];
}

/** Faster statements are not remembered one by one. */
const SLOW_MS = 1;

export async function keepBusy(order: BusyOrder, isOver: () => boolean): Promise<BusyReport> {
  const client = new Client({ connectionString: order.url });
  const slow: Slow[] = [];
  const failures: string[] = [];
  let statements = 0;
  await client.connect();
  await client.query('select set_config($1, $2, false)', ['search_path', order.searchPath]);
  while (!isOver()) {
    const at = statements % order.statements.length;
    const values = [1 + Math.floor(Math.random() * order.rows)];
    const startedAt = performance.timeOrigin + performance.now();
    await client
      .query({ name: `s${at}`, text: order.statements[at] ?? '', values })
      .catch((error: Error) => failures.push(error.message));
    const ms = performance.timeOrigin + performance.now() - startedAt;
    if (ms >= SLOW_MS) slow.push({ startedAt, ms });
    statements += 1;
  }
  await client.end();
  return { statements, slow, failures };
}

if (parentPort !== null) {
  const port = parentPort;
  let isOver = false;
  port.once('message', () => {
    isOver = true;
  });
  port.postMessage(await keepBusy(workerData as BusyOrder, () => isOver));
}
