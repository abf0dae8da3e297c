// What each statement of both releases costs in each phase, against a database that was never
// touched by Halflap.

import { searchPath } from '@halflap/protocol';
import { compareCosts, type Lane, type LaneCost, openLanes } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, clone, createFilled, drive, holdExpanding, withClient } from './shards.js';
import { type Aim, type Measured, newWorkloads, oldWorkloads } from './workloads.js';

export interface CostRow {
  readonly release: 'old' | 'new';
  readonly title: string;
  readonly aim: Aim;
  readonly lanes: readonly LaneCost[];
}

interface Databases {
  readonly settled: string;
  /** A second copy, for the noise: what two equal databases differ by. */
  readonly settledAgain: string;
  readonly prepared: string;
  readonly expanding: string;
  readonly dual: string;
  readonly plain: string;
  readonly plainAgain: string;
  release(): Promise<void>;
}

export async function measureCosts(
  bench: Bench,
  options: BenchOptions,
  tell: (line: string) => void,
): Promise<CostRow[]> {
  tell('costs: loading a database per phase');
  const databases = await createDatabases(bench, options.rows);
  const path = searchPath(bench.bundle.app, bench.bundle.to.version);
  const old = await openLanes([
    ['settled', databases.settled, 'public'],
    ['again', databases.settledAgain, 'public'],
    ['prepared', databases.prepared, 'public'],
    ['expanding', databases.expanding, 'public'],
    ['dual', databases.dual, 'public'],
  ]);
  const fresh = await openLanes([
    ['plain', databases.plain, 'public'],
    ['again', databases.plainAgain, 'public'],
    ['lens', databases.prepared, path],
    ['lens, expanding', databases.expanding, path],
    ['native', databases.dual, path],
  ]);
  try {
    const measure = async (release: CostRow['release'], lanes: Lane[], list: Measured[]) => {
      const rows: CostRow[] = [];
      for (const { workload, about, weight } of list) {
        tell(`costs: ${release} release, ${about.map((one) => one.title).join(' and ')}`);
        const burst = Math.ceil(options.burst / weight);
        const costs = await compareCosts(lanes, workload, { rounds: options.rounds, burst });
        about.forEach(({ title, aim }, index) => {
          rows.push({ release, title, aim, lanes: costs[index] ?? [] });
        });
      }
      return rows;
    };
    return [
      ...(await measure('old', old, oldWorkloads(options.rows))),
      ...(await measure('new', fresh, newWorkloads(options.rows))),
    ];
  } finally {
    for (const lane of [...old, ...fresh]) await lane.client.end();
    await databases.release();
  }
}

async function createDatabases(bench: Bench, rows: number): Promise<Databases> {
  const settled = await createFilled(bench, { name: 'settled', release: bench.from, rows });
  const plain = await createFilled(bench, { name: 'plain', release: bench.to, rows });
  const settledAgain = await clone(bench, 'settled', 'settled_again');
  const plainAgain = await clone(bench, 'plain', 'plain_again');
  const prepared = await clone(bench, 'settled', 'prepared');
  const expanding = await clone(bench, 'settled', 'expanding');
  const dual = await clone(bench, 'settled', 'dual');
  await drive(bench, prepared, ['prepare']);
  await drive(bench, dual, ['prepare', 'expand']);
  await withClient(dual, (client) => client.query('vacuum (freeze, analyze)'));
  const release = await holdExpanding(bench, expanding);
  await withClient(expanding, (client) => client.query('vacuum analyze'));
  return { settled, settledAgain, prepared, expanding, dual, plain, plainAgain, release };
}
