// An agent's runs in a process of its own that dies by SIGKILL at a chosen line of its log. It runs
// the built package: doomed-agent.mjs '{"state", "host", "keys", "policyFile", "frame", "at"}' WHO
// It keeps each result as a server would, and ends by itself once it has kept that of its frame. What
// it tells of its end goes into the file `told` too, where one is named, with WHO told it.

import { appendFileSync } from 'node:fs';
import { systemClock } from '../../../dist/clock.js';
import { Orders } from '../../../dist/orders/orders.js';

const { frame, at, told: toldFile, ...options } = JSON.parse(process.argv[2] ?? '{}');
const who = process.argv[3];
const { run } = JSON.parse(frame.order);
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
    if (toldFile) appendFileSync(toldFile, `${JSON.stringify({ who, ...told.result })}\n`);
    const isOurs = told.run === run;
    orders.resultKept({ run: told.run }).then(() => isOurs && keep());
  },
  log: { debug: line, info: line, warn: line, error: line },
});

await orders.start();
// What has begun no server sends again.
const hasBegun = orders.unfinished().includes(run);
await orders.connected();
if (!hasBegun) await orders.take(frame);
await isKept;
await orders.stop();
