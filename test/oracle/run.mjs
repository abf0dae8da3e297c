// npm run oracle -- --minutes 10 [--failures 5] [--kinds split,custom]: plays random cases for
// longer than a test run does; with kinds, every evolution has a change of each of them.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    failures: { type: 'string', default: '5' },
    kinds: { type: 'string', default: '' },
  },
});
const { status } = spawnSync('npx', ['vitest', 'run', 'test/oracle', '--reporter=verbose'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    HALFLAP_ORACLE_MINUTES: values.minutes,
    HALFLAP_FAILURES: values.failures,
    HALFLAP_ORACLE_KINDS: values.kinds,
  },
});
process.exitCode = status ?? 1;
