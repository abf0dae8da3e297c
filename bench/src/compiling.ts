// How long does it take to compile and to check the evolution of a large product, against the time
// in which PostgreSQL alone loads its two schemas? The command line runs as a developer runs it,
// with a scratch server of its own, which does not wait for the disk; nor does that for the rest.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compile, type Evolution, lineage, listReleases, loadRelease } from '@halflap/engine';
import { useServer, withDatabase, withPostgres } from '@halflap/engine/testing';
import { type ManyTables, manyTables } from './many-tables.js';
import { quantile } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, withClient } from './shards.js';

/** Milliseconds, one entry per repetition. */
export interface CompileFigures {
  readonly tables: number;
  readonly columns: number;
  readonly changes: number;
  /** PostgreSQL executes both schema.sql, each in a database of its own, one after the other. */
  readonly schemaMs: readonly number[];
  /** Both releases are loaded: the same, and what PostgreSQL made of it is read. */
  readonly loadMs: readonly number[];
  readonly compileMs: readonly number[];
  /** `halflap check` as a whole: its server, its questions, its trial on sample rows. */
  readonly checkMs: readonly number[];
  /** Median of loading and compiling, divided by the median of the schemas alone. */
  readonly ratio: number;
}

const HALFLAP = fileURLToPath(new URL('../../packages/cli/bin/halflap.js', import.meta.url));

export async function measureCompiling(
  bench: Bench,
  { tables: count, cycles }: BenchOptions,
  tell: (line: string) => void,
): Promise<CompileFigures> {
  const made = manyTables(count);
  const directory = await mkdtemp(join(tmpdir(), 'halflap-bench-'));
  const figures = {
    schemaMs: [] as number[],
    loadMs: [] as number[],
    compileMs: [] as number[],
    checkMs: [] as number[],
  };
  try {
    await write(directory, made);
    await withPostgres(async (server) => {
      useServer(server.url('postgres'));
      for (let cycle = 0; cycle < cycles; cycle += 1) {
        tell(`compile: repetition ${cycle + 1}`);
        figures.schemaMs.push(await timed(() => executeBoth(made)));
        const { loadMs, compileMs } = await loadAndCompile(directory);
        figures.loadMs.push(loadMs);
        figures.compileMs.push(compileMs);
        figures.checkMs.push(await timed(() => check(directory)));
      }
    });
    const median = (list: readonly number[]) => quantile(list, 0.5);
    const { tables, columns, changes } = made;
    const ratio = (median(figures.loadMs) + median(figures.compileMs)) / median(figures.schemaMs);
    return { tables, columns, changes, ...figures, ratio };
  } finally {
    useServer(bench.server.url('postgres'));
    await rm(directory, { recursive: true });
  }
}

async function write(directory: string, made: ManyTables): Promise<void> {
  const [old, fresh] = ['1.0', '2.0'].map((version) => join(directory, 'releases', version));
  for (const release of [old, fresh]) await mkdir(`${release}`, { recursive: true });
  await writeFile(join(directory, 'halflap.yaml'), 'app: large\n');
  await writeFile(`${old}/schema.sql`, made.oldSchema);
  await writeFile(`${fresh}/schema.sql`, made.newSchema);
  await writeFile(`${fresh}/evolution.yaml`, made.evolution);
}

async function executeBoth({ oldSchema, newSchema }: ManyTables): Promise<void> {
  for (const schema of [oldSchema, newSchema]) {
    await withDatabase((url) => withClient(url, (client) => client.query(schema)));
  }
}

async function loadAndCompile(directory: string) {
  const found = await listReleases(join(directory, 'releases'));
  const releases: Awaited<ReturnType<typeof loadRelease>>[] = [];
  const loadMs = await timed(async () => {
    for (const one of found) releases.push(await loadRelease(one.directory, { withDatabase }));
  });
  const [from, to] = releases;
  if (from === undefined || to === undefined) throw new Error('two releases were written');
  const compileMs = await timed(async () => {
    const [evolution] = (await lineage(found)) as [Evolution];
    compile({ app: 'large', from, to, evolution });
  });
  return { loadMs, compileMs };
}

async function check(directory: string): Promise<void> {
  await promisify(execFile)(process.execPath, [HALFLAP, 'check', '2.0'], { cwd: directory });
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await body();
  return performance.now() - startedAt;
}
