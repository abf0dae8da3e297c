// An agent's runs in a process of its own that dies by SIGKILL at a chosen line of its log. It runs
// the built package: doomed-agent.mjs '{"state", "host", "keys", "policyFile", "frame", "at"}'
// It keeps each result as a server would, and ends by itself once it has kept that of its frame.

import { systemClock } from '../../../dist/clock.js';
import { Orders } from '../../../dist/orders/orders.js';

const { frame, at, ...options } = JSON.parse(process.argv[2] ?? '{}');
let lines = 0;
let keep = () => {};
const isKept = new Promise((resolve) => {
  keep = resolve;
});

function line() {
  lines += 1;
  if (lines === at) process.kill(process.pid, 'SIGKILL');
}

const orders = new Orders({
  ...options,
  clock: systemClock,
  emit: (told) => {
    if (told.type !== 'ended') return;
    const isOurs = told.run === JSON.parse(frame.order).run;
    orders.resultKept({ run: told.run }).then(() => isOurs && keep());
  },
  log: { debug: line, info: line, warn: line, error: line },
});

await orders.start();
await orders.connected();
await orders.take(frame);
await isKept;
await orders.stop();
