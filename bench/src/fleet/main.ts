// npm run fleet: three servers over four shards with thousands of simulated agents, killed and cut
// off one after the other, and a verdict on every promise.

import { EXIT } from '@halflap/protocol';
import { UsageError } from '../options.js';
import { type FleetRunOptions, readOptions, USAGE } from './options.js';
import { type FleetReport, runFleet, seconds } from './run.js';

/** Of one promise that was broken many times. */
const FAULTS_TOLD = 10;

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    console.log(USAGE);
    return;
  }
  const { agents, seed, patienceMs } = options;
  console.log(`seed ${seed}, ${agents} agents; again: npm run fleet -- ${wordsOf(options)}`);
  const beganAt = performance.now();
  let last = 'nothing had begun';
  const tell = (line: string) => {
    last = line;
    console.log(`${seconds(performance.now() - beganAt).padStart(8)}  ${line}`);
  };
  const late = setTimeout(() => {
    console.log(`BROKEN  it did not end within ${seconds(patienceMs)}; last: ${last}`);
    process.exit(EXIT.internal);
  }, patienceMs);
  const report = await runFleet(options, tell);
  clearTimeout(late);
  print(report, performance.now() - beganAt);
  if (report.promises.some(({ faults }) => faults.length > 0)) process.exitCode = EXIT.internal;
}

function wordsOf({ agents, seed, haste }: FleetRunOptions): string {
  return `--agents ${agents} --seed ${seed}${haste > 1 ? ' --quick' : ''}`;
}

function print(report: FleetReport, wholeMs: number): void {
  const { failures, account, enrolMs, settleMs, changes, jobs, runs, promises } = report;
  const runsBy = [...runs].map(([state, count]) => `${count} ${state}`).join(', ');
  const refusals = [...account.refused].map(([code, count]) => `${count} ${code}`);
  console.log(`\nenrolment of all        ${seconds(enrolMs)}`);
  for (const { what, downMs, allBackMs } of failures) {
    console.log(`${what}: for ${seconds(downMs)}; all agents back after ${seconds(allBackMs)}`);
  }
  console.log(`jobs                    ${jobs}; runs: ${runsBy}`);
  console.log(`reports stored          ${changes}`);
  console.log(
    `requests                ${account.all}, ${account.good} good, ` +
      `refused: ${refusals.join(', ') || 'none'}; slowest ${seconds(account.mostMs)}`,
  );
  console.log(`from the last failure until all had ended  ${seconds(settleMs)}`);
  console.log(`all of it               ${seconds(wholeMs)}\n`);
  for (const { promise, faults } of promises) {
    console.log(faults.length === 0 ? `kept    ${promise}` : `BROKEN  ${promise}:`);
    for (const fault of faults.slice(0, FAULTS_TOLD)) console.log(`        ${fault}`);
    const more = faults.length - FAULTS_TOLD;
    if (more > 0) console.log(`        and ${more} more`);
  }
}

/** A wrong command line is answered in a line; everything else is a defect and shows whole. */
try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT.usage;
}
