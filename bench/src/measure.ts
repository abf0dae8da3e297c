// What does a statement cost here against there? Short bursts of it alternate between databases, so
// that whatever else the machine does hits all of them alike; each round gives one ratio.
//
// Two costs: what a client waits (with the round trip and the driver, which dilute every ratio),
// and the processor time of the server process that serves it (Linux only), which nothing dilutes.

import { readFile } from 'node:fs/promises';
import { Client } from 'pg';

/** A session to measure on. The first lane of a comparison is the yardstick. */
export interface Lane {
  readonly label: string;
  readonly client: Client;
  readonly processId: number;
}

export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Parameters of the n-th statement of a burst; `before` has the rows of the statement before. */
  readonly values: (n: number, before: readonly Record<string, unknown>[]) => readonly unknown[];
}

/** Statements that belong together, such as insert and delete: each is measured apart. */
export type Workload = readonly Statement[];

export interface LaneCost {
  readonly label: string;
  /** Microseconds per statement, the median of all rounds. */
  readonly latencyUs: number;
  readonly serverUs: number | null;
  /** Median over the rounds of this lane's cost divided by the yardstick's. */
  readonly latencyRatio: number;
  readonly serverRatio: number | null;
  /**
   * The same of the server alone in the quickest tenth of this lane's rounds, and of the
   * yardstick's: on a machine with other work, what nothing has disturbed.
   */
  readonly quickUs: number | null;
  readonly quickRatio: number | null;
  /** Quartiles of the rounds' latency ratios: how far one round may be off. */
  readonly quartiles: readonly [number, number];
  /** Why the statement does not work on this lane; then all figures are NaN. */
  readonly failure: string | null;
}

interface Round {
  readonly latencyUs: number;
  readonly serverUs: number | null;
}

/** Enough that the server has settled on a plan (five executions) and the driver on a parse. */
const WARM_UP_STATEMENTS = 30;
/** Rounds before the first that counts: pages come into memory. */
const WARM_UP_ROUNDS = 3;
const QUICK_PART = 0.1;

export async function openLane(label: string, url: string, searchPath: string): Promise<Lane> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('select set_config($1, $2, false)', ['search_path', searchPath]);
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return { label, client, processId: rows[0]?.pid ?? 0 };
}

/** Label, database and search_path of each. */
export async function openLanes(
  list: readonly (readonly [string, string, string])[],
): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (const [label, url, path] of list) lanes.push(await openLane(label, url, path));
  return lanes;
}

/** Costs by statement of the workload, then by lane. */
export async function compareCosts(
  lanes: readonly Lane[],
  workload: Workload,
  { rounds, burst }: { readonly rounds: number; readonly burst: number },
): Promise<LaneCost[][]> {
  const failures = new Map<Lane, string>();
  const kept = new Map<Lane, Round[][]>(lanes.map((lane) => [lane, workload.map(() => [])]));
  for (const lane of lanes) {
    await runBurst(lane, workload, WARM_UP_STATEMENTS).catch((error: Error) => {
      failures.set(lane, error.message);
    });
  }
  const working = lanes.filter((lane) => !failures.has(lane));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    for (const lane of rotated(working, round + WARM_UP_ROUNDS)) {
      const costs = await runBurst(lane, workload, burst);
      if (round < 0) continue;
      costs.forEach((cost, index) => {
        kept.get(lane)?.[index]?.push(cost);
      });
    }
  }
  return workload.map((_, index) => {
    const base = kept.get(lanes[0] as Lane)?.[index] ?? [];
    return lanes.map((lane) =>
      costOf(lane.label, kept.get(lane)?.[index] ?? [], base, failures.get(lane) ?? null),
    );
  });
}

/** The median of each figure over sessions, each of which gave the costs of the same lanes. */
export function acrossSessions(sessions: readonly (readonly LaneCost[])[]): LaneCost[] {
  return (sessions[0] ?? []).map((first, at) => {
    const all = sessions.map((costs) => costs[at] ?? first);
    const middle = (figure: (cost: LaneCost) => number) => quantile(all.map(figure), 0.5);
    const told = (figure: (cost: LaneCost) => number | null) =>
      figure(first) === null ? null : middle((cost) => figure(cost) ?? Number.NaN);
    return {
      label: first.label,
      latencyUs: middle((cost) => cost.latencyUs),
      serverUs: told((cost) => cost.serverUs),
      latencyRatio: middle((cost) => cost.latencyRatio),
      serverRatio: told((cost) => cost.serverRatio),
      quickUs: told((cost) => cost.quickUs),
      quickRatio: told((cost) => cost.quickRatio),
      quartiles: [middle((cost) => cost.quartiles[0]), middle((cost) => cost.quartiles[1])],
      failure: all.find((cost) => cost.failure !== null)?.failure ?? null,
    };
  });
}

/** Another lane first in each round, so that none always follows the same neighbour. */
function rotated(lanes: readonly Lane[], by: number): Lane[] {
  const at = lanes.length === 0 ? 0 : by % lanes.length;
  return [...lanes.slice(at), ...lanes.slice(0, at)];
}

async function runBurst(lane: Lane, workload: Workload, burst: number): Promise<Round[]> {
  const costs: Round[] = [];
  let before: Record<string, unknown>[] = [];
  for (const { name, text, values } of workload) {
    const rows: Record<string, unknown>[] = [];
    const serverBefore = await processorTime(lane.processId);
    const startedAt = performance.now();
    for (let n = 0; n < burst; n += 1) {
      const result = await lane.client.query({ name, text, values: [...values(n, before)] });
      if (result.rows[0] !== undefined) rows.push(result.rows[0]);
    }
    const latencyUs = ((performance.now() - startedAt) * 1000) / burst;
    const serverAfter = await processorTime(lane.processId);
    const serverUs =
      serverBefore === null || serverAfter === null
        ? null
        : (serverAfter - serverBefore) / 1000 / burst;
    costs.push({ latencyUs, serverUs });
    before = rows;
  }
  return costs;
}

/** Nanoseconds on a processor so far (proc(5), /proc/pid/schedstat); null on other systems. */
async function processorTime(processId: number): Promise<number | null> {
  const text = await readFile(`/proc/${processId}/schedstat`, 'utf8').catch(() => '');
  return text === '' ? null : Number(text.split(' ')[0]);
}

function costOf(
  label: string,
  rounds: readonly Round[],
  base: readonly Round[],
  failure: string | null,
): LaneCost {
  const latency = rounds.map((one) => one.latencyUs);
  const server = rounds.map((one) => one.serverUs).filter((one) => one !== null);
  const ratios = rounds.map((one, index) => one.latencyUs / (base[index]?.latencyUs ?? Number.NaN));
  const serverRatios = server.map((one, index) => one / (base[index]?.serverUs ?? Number.NaN));
  const isTold = server.length > 0;
  const quickUs = quantile(server, QUICK_PART);
  const baseUs = quantile(
    base.map((one) => one.serverUs).filter((one) => one !== null),
    QUICK_PART,
  );
  return {
    label,
    quickUs: isTold ? quickUs : null,
    quickRatio: isTold ? quickUs / baseUs : null,
    latencyUs: quantile(latency, 0.5),
    serverUs: isTold ? quantile(server, 0.5) : null,
    latencyRatio: quantile(ratios, 0.5),
    serverRatio: isTold ? quantile(serverRatios, 0.5) : null,
    quartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
    failure,
  };
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
