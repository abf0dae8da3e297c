// npm run oracle -- --minutes 10 [--failures 5]: plays random cases for longer than a test run does.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    failures: { type: 'string', default: '5' },
  },
});
const { status } = spawnSync('npx', ['vitest', 'run', 'test/oracle'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    HALFLAP_ORACLE_MINUTES: values.minutes,
    HALFLAP_FAILURES: values.failures,
  },
});
process.exitCode = status ?? 1;
