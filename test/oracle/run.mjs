// npm run oracle: plays random cases for longer than a test run does.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const HELP = `npm run oracle -- [options]

  --minutes N     how long to play (default 10)
  --failures N    ends after so many cases that failed, each of which is made short (default 5)
  --kinds A,B     every evolution has a change of each of these kinds; drawn when not given
  --help

One case again: HALFLAP_SEED=N npx vitest run test/oracle/oracle.test.ts
`;

/** Exits with 2 where the command line cannot be understood. */
function readOptions() {
  try {
    const options = {
      minutes: { type: 'string', default: '10' },
      failures: { type: 'string', default: '5' },
      kinds: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    };
    const { values } = parseArgs({ options });
    for (const one of ['minutes', 'failures']) {
      if (!(Number(values[one]) > 0)) {
        throw new Error(`--${one} takes a number above 0, not "${values[one]}"`);
      }
    }
    return values;
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const args = ['vitest', 'run', 'test/oracle', '--reporter=verbose', '--disable-console-intercept'];
const { status } = spawnSync('npx', args, {
  stdio: 'inherit',
  env: {
    ...process.env,
    HALFLAP_ORACLE_MINUTES: options.minutes,
    HALFLAP_FAILURES: options.failures,
    HALFLAP_ORACLE_KINDS: options.kinds,
  },
});
process.exitCode = status ?? 1;
