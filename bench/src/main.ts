// What Halflap costs, as ratios against a yardstick of the same run: npm run bench.

import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { EXIT } from '@halflap/protocol';
import { type AppFigures, measureApp } from './app/measure.js';
import { printApp } from './app/print.js';
import { type BackfillFigures, measureBackfill } from './backfill.js';
import { type BusFigures, measureBus } from './bus.js';
import { type CompileFigures, measureCompiling } from './compiling.js';
import { type CostRow, measureCosts } from './costs.js';
import { type KindFigures, measureKinds } from './kinds.js';
import { type BenchOptions, readOptions, USAGE, UsageError } from './options.js';
import {
  backfillTable,
  busTable,
  compileTable,
  costTable,
  kindTable,
  noiseLine,
  saturationTable,
  sizeTable,
  skewTable,
  stallTable,
} from './print.js';
import { measureSaturation, type SaturationFigures } from './saturation.js';
import { type Bench, startBench } from './shards.js';
import { measureSize, type SizeFigures } from './size.js';
import { measureSkew, type SkewFigures } from './skew.js';
import { measureStalls, type StallFigures } from './stalls.js';

interface Figures {
  readonly costs: readonly CostRow[] | null;
  readonly stalls: StallFigures | null;
  readonly saturation: SaturationFigures | null;
  readonly backfill: BackfillFigures | null;
  readonly size: readonly SizeFigures[] | null;
  readonly compile: CompileFigures | null;
  readonly kinds: readonly KindFigures[] | null;
  readonly bus: BusFigures | null;
  readonly skew: SkewFigures | null;
  readonly app: AppFigures;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return;
  }
  const bench = await startBench(options.isDurable);
  try {
    const figures = await measure(bench, options);
    print(bench, options, figures);
    if (options.json !== null) {
      const machine = { processors: cpus().length, memoryGb: totalmem() / 2 ** 30 };
      const run = { postgres: bench.server.version, node: process.version, machine, options };
      await writeFile(options.json, `${JSON.stringify({ ...run, ...figures }, null, 2)}\n`);
    }
  } finally {
    await bench.server.stop();
  }
}

async function measure(bench: Bench, options: BenchOptions): Promise<Figures> {
  const wants = (part: BenchOptions['parts'][number]) => options.parts.includes(part);
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  return {
    backfill: wants('backfill') ? await measureBackfill(bench, options, tell) : null,
    size: wants('size') ? await measureSize(bench, options, tell) : null,
    compile: wants('compile') ? await measureCompiling(bench, options, tell) : null,
    stalls: wants('stalls') ? await measureStalls(bench, options, tell) : null,
    saturation: wants('saturation') ? await measureSaturation(bench, options, tell) : null,
    kinds: wants('kinds') ? await measureKinds(bench, options, tell) : null,
    bus: wants('bus') ? await measureBus(bench, options, tell) : null,
    skew: wants('skew') ? await measureSkew(bench, options, tell) : null,
    costs: wants('costs') ? await measureCosts(bench, options, tell) : null,
    app: await measureApp(bench, options, tell),
  };
}

function print(bench: Bench, options: BenchOptions, figures: Figures): void {
  const { costs, stalls, saturation, backfill, size, compile, kinds, bus, skew } = figures;
  console.log(
    `\nPostgreSQL ${bench.server.version} (fsync ${options.isDurable ? 'on' : 'off'}), ` +
      `${cpus().length} processors, ${options.rows.toLocaleString('en')} rows; ! misses the aim`,
  );
  if (costs !== null) {
    const of = (release: CostRow['release']) => costs.filter((row) => row.release === release);
    console.log('\nWhat a client waits for one statement, and (the time of the server alone):');
    console.log(`\nold release\n${costTable(of('old'))}`);
    console.log(`\nnew release\n${costTable(of('new'))}`);
    console.log(`\n${noiseLine(costs)}`);
  }
  if (stalls !== null) {
    console.log(`\nLongest wait of a busy client for one statement\n${stallTable(stalls)}`);
  }
  if (saturation !== null) {
    console.log(`\nBeside sessions that never pause\n${saturationTable(saturation)}`);
  }
  if (backfill !== null) console.log(`\nBackfill\n${backfillTable(backfill)}`);
  if (size !== null) console.log(`\nSize\n${sizeTable(size)}`);
  if (compile !== null) console.log(`\nCompiling\n${compileTable(compile)}`);
  if (bus !== null) console.log(`\nThe bus\n${busTable(bus)}`);
  if (skew !== null) console.log(`\nServers of two releases\n${skewTable(skew)}`);
  if (kinds !== null) {
    const rows = options.sizeRows.toLocaleString('en');
    console.log(`\nKinds of change, ${rows} rows in the largest table\n${kindTable(kinds)}`);
  }
  printApp(figures.app);
}

/** A wrong command line is answered in a line; everything else is a defect and shows whole. */
try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT.usage;
}
