// The product on one machine: an application under load, and Halflap beside it. A person upgrades
// it, or with `--yes` the demonstration itself; then it is checked, and taken away again. Exit code
// 0 only if every promise held.

import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { ACTS } from './acts.js';
import { attend, invite } from './attend.js';
import type { Verdicts } from './checkpoint.js';
import { Closing } from './closing.js';
import { Interrupts } from './interrupts.js';
import { type DemoOptions, MANY_ROWS, readOptions, USAGE } from './options.js';
import { Phases } from './phases.js';
import { type Report, reportOf, summaryOf } from './report.js';
import { Scene } from './scene.js';
import { showScreen } from './screen.js';
import { SERVERS } from './servers.js';
import { setUp } from './set-up.js';
import { SHARDS } from './shards.js';
import type { Stage } from './stage.js';

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
  const interrupts = new Interrupts();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupts.interrupt());
  }
  // A terminal that was closed must not keep the demonstration from tidying up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  return perform(options, interrupts);
}

async function perform(options: DemoOptions, interrupts: Interrupts): Promise<number> {
  const { signal } = interrupts;
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
  let stage: Stage | undefined;
  const screen = showScreen(process.stdout, () => ({
    ...{ scene, options, shards: SHARDS, acts: ACTS.length, seconds: seconds(), colors },
    campaign: stage?.campaigns.newest,
  }));
  let stoppedBy: string | null = null;
  let preparedBy: Report['preparedBy'] = {};
  try {
    stage = await setUp({ options, scene, verdicts, signal }, { closing, phases });
    if (options.isAlone) await play(stage);
    else await receive(stage, interrupts);
    preparedBy = await phases.preparedBy();
  } catch (error) {
    stoppedBy = signal.aborted ? 'interrupted' : messageOf(error);
  }
  const campaigns = (stage?.campaigns.all ?? []).map(({ goal, state, steps, done }) => {
    return { goal, state, steps, done };
  });
  const facts = { options, scene, verdicts, servers: SERVERS.length, shards: SHARDS.length };
  const told = { seconds: seconds(), stoppedBy, preparedBy, campaigns };
  const report = reportOf({ ...facts, ...told });
  await closing.close().catch((error) => process.stderr.write(`${messageOf(error)}\n`));
  screen.stop();
  if (options.reportFile !== undefined) {
    await writeFile(options.reportFile, `${JSON.stringify(report, null, 2)}\n`);
  }
  process.stdout.write(`${summaryOf(report).join('\n')}\n`);
  return report.holds ? 0 : 1;
}

async function play(stage: Stage): Promise<void> {
  const { scene, signal } = stage;
  const end = aborted(signal);
  for (const { title, run } of ACTS) {
    signal.throwIfAborted();
    const act = { title, seconds: 0, longestPauseMs: 0 };
    scene.acts.push(act);
    const startedAt = performance.now();
    await Promise.race([run(stage), end]);
    act.seconds = (performance.now() - startedAt) / 1000;
  }
}

async function receive(stage: Stage, interrupts: Interrupts): Promise<void> {
  await Promise.race([invite(stage), aborted(stage.signal)]);
  await Promise.race([attend(stage, interrupts.receive()), aborted(stage.signal)]);
}

/** Rejects when it comes; nobody may be waiting then. */
function aborted(signal: AbortSignal): Promise<never> {
  const end = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  end.catch(() => {});
  return end;
}

/** Only a person at a terminal is asked, and only before something long. */
async function isAgreed(options: DemoOptions): Promise<boolean> {
  const isPerson = process.stdin.isTTY === true && process.stdout.isTTY === true;
  if (options.isAlone || !isPerson || options.rows < MANY_ROWS) return true;
  const prompt = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await prompt.question(`Load ${options.rows} hosts per shard? [y/N] `);
  prompt.close();
  return /^y/i.test(answer);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
