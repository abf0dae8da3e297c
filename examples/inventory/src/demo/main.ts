// The demonstration: everything is started, upgraded under load, checked, and taken away again.
// Exit code 0 only if every promise held.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { ACTS } from './acts.js';
import type { Verdicts } from './checkpoint.js';
import { Closing } from './closing.js';
import { Generators } from './generators.js';
import { Operator } from './operator.js';
import { type DemoOptions, MANY_ROWS, readOptions, USAGE } from './options.js';
import { Phases } from './phases.js';
import { type Report, reportOf, summaryOf } from './report.js';
import { Scene } from './scene.js';
import { showScreen } from './screen.js';
import { SERVERS, Servers } from './servers.js';
import { loadHosts, SHARDS, startShards } from './shards.js';
import { type Stage, startServer } from './stage.js';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions | 'help';
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${USAGE}`);
    return 2;
  }
  if (options === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  if (!(await isAgreed(options))) return 0;
  const stopping = new AbortController();
  const interrupt = () => stopping.abort(new Error('interrupted'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  // A terminal that was closed must not keep the demonstration from tidying up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return perform(options, stopping.signal);
}

async function perform(options: DemoOptions, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const closing = new Closing();
  const phases = new Phases();
  const scene = new Scene(phases);
  const verdicts: Verdicts = {
    lostWrites: 0,
    phantomWrites: 0,
    divergentRows: 0,
    hostsChecked: 0,
    eventsChecked: 0,
    evidence: [],
  };
  const colors = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '';
  const screen = showScreen(process.stdout, () => ({
    ...{ scene, options, shards: SHARDS, acts: ACTS.length, seconds: seconds(), colors },
  }));
  let stoppedBy: string | null = null;
  let preparedBy: Report['preparedBy'] = {};
  try {
    const stage = await setUp({ options, scene, verdicts, signal }, { closing, phases });
    await play(stage);
    preparedBy = await phases.preparedBy();
  } catch (error) {
    stoppedBy = signal.aborted ? 'interrupted' : messageOf(error);
  }
  const facts = { options, scene, verdicts, servers: SERVERS.length, shards: SHARDS.length };
  const report = reportOf({ ...facts, seconds: seconds(), stoppedBy, preparedBy });
  await closing.close().catch((error) => process.stderr.write(`${messageOf(error)}\n`));
  screen.stop();
  if (options.reportFile !== undefined) {
    await writeFile(options.reportFile, `${JSON.stringify(report, null, 2)}\n`);
  }
  process.stdout.write(`${summaryOf(report).join('\n')}\n`);
  return report.holds ? 0 : 1;
}

type Given = Pick<Stage, 'options' | 'scene' | 'verdicts' | 'signal'>;

/** Shards with data, the vendor's bundle, the operator's configuration, servers of 1.0, load. */
async function setUp(
  given: Given,
  { closing, phases }: { closing: Closing; phases: Phases },
): Promise<Stage> {
  const { options, scene, signal } = given;
  const directory = await mkdtemp(join(tmpdir(), 'halflap-demo-'));
  closing.add(() => rm(directory, { recursive: true, force: true }));
  scene.say('starting three PostgreSQL servers');
  const shards = await startShards(closing, signal);
  scene.say(`loading ${options.rows} hosts per shard`);
  await loadHosts(shards, options.rows * SHARDS.length);

  const operator = new Operator(directory, (progress) => {
    scene.progress = progress;
  });
  closing.add(() => operator.stop());
  const bundleFile = join(directory, 'inventory-2.0.bundle.json');
  const releases = fileURLToPath(new URL('../../releases', import.meta.url));
  await operator.configure(shards, releases, bundleFile);
  scene.say('building the bundle of 2.0, as the vendor does');
  await operator.run('build', '2.0', '--out', bundleFile);

  closing.add(() => phases.stop());
  await phases.start(shards);
  const servers = new Servers({ shards, bundleFile, onLog: (line) => scene.say(line) });
  closing.add(() => servers.stopAll());
  const ticks = (generator: number, tick: Parameters<Scene['tick']>[1]) =>
    scene.tick(generator, tick);
  const generators = new Generators(ticks);
  closing.add(() => generators.stop());
  const stage = { ...given, operator, servers, generators };
  for (const server of SERVERS) await startServer(stage, server, '1.0');
  const { seed, paceMs } = options;
  await generators.start({ seed, hosts: options.rows * SHARDS.length, paceMs }, servers.targets());
  return stage;
}

async function play(stage: Stage): Promise<void> {
  const { scene, signal } = stage;
  const end = aborted(signal);
  // Nobody may be waiting when it comes.
  end.catch(() => {});
  for (const { title, run } of ACTS) {
    signal.throwIfAborted();
    const act = { title, seconds: 0, longestPauseMs: 0 };
    scene.acts.push(act);
    const startedAt = performance.now();
    await Promise.race([run(stage), end]);
    act.seconds = (performance.now() - startedAt) / 1000;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Only a person at a terminal is asked, and only before something long. */
async function isAgreed(options: DemoOptions): Promise<boolean> {
  const isPerson = process.stdin.isTTY === true && process.stdout.isTTY === true;
  if (!options.asksBefore || !isPerson || options.rows < MANY_ROWS) return true;
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await prompt.question(`Load ${options.rows} hosts per shard? [y/N] `);
  prompt.close();
  return /^y/i.test(answer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
