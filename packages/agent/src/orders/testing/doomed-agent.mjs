// An agent's runs in a process of its own that dies by SIGKILL at a chosen line of its log. It runs
// the built package: doomed-agent.mjs '{"state", "host", "keys", "policyFile", "frame", "at"}'
// It keeps each result as a server would, and ends by itself once it has kept that of its frame.

import { Orders } from '@halflap/agent';

const { frame, at, ...options } = JSON.parse(process.argv[2] ?? '{}');
let lines = 0;
let keep = () => {};
const isKept = new Promise((resolve) => {
  keep = resolve;
});

const orders = new Orders({
  ...options,
  now: () => new Date(),
  emit: (told) => {
    if (told.type !== 'ended') return;
    const isOurs = told.run === JSON.parse(frame.order).run;
    orders.resultKept({ run: told.run }).then(() => isOurs && keep());
  },
  log: () => {
    lines += 1;
    if (lines === at) process.kill(process.pid, 'SIGKILL');
  },
});

await orders.start();
await orders.connected(frame.fence);
await orders.take(frame);
await isKept;
await orders.stop();
