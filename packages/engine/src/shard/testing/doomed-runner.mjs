// A runner in a process of its own that dies by SIGKILL at a chosen sign of life. It runs the built
// package: doomed-runner.mjs BUNDLE-FILE '{"on": "log" | "progress", "at": N, "options": {…}}'

import { readFile } from 'node:fs/promises';
import { runVerb } from '@halflap/engine/runner';

const [bundleFile = '', doom = '{}'] = process.argv.slice(2);
const { on, at, options } = JSON.parse(doom);
let signs = 0;
const sign = (kind) => {
  if (kind === on && ++signs === at) process.kill(process.pid, 'SIGKILL');
};

await runVerb({
  ...options,
  bundle: JSON.parse(await readFile(bundleFile, 'utf8')),
  log: () => sign('log'),
  onProgress: () => sign('progress'),
});
