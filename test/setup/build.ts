// Programs that tests start as processes of their own run as built: bring the build up to date
// first. A type error is the build's to report, not the test run's, so it does not stop the tests.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export default function build(): void {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const program = join(typescript, 'bin/tsc');
  const options = { cwd: root, stdio: 'ignore' } as const;
  spawnSync(process.execPath, [program, '-b'], options);
  spawnSync(process.execPath, ['packages/console/build.mjs'], options);
}
