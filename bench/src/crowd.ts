// Sessions of both releases that never pause, in a thread of their own: single statements and
// transactions of several, on the tables that change. Started by saturation.ts, which is told what
// failed and what took long.
//
// Each session writes rows of its own, and locks them in the order that its release's schema
// suggests: whatever waits here waits for the machine or for the runner.

import { parentPort, workerData } from 'node:worker_threads';
import { Client, type DatabaseError } from 'pg';

export interface CrowdOrder {
  readonly url: string;
  /** search_path of the new release. */
  readonly newPath: string;
  readonly rows: number;
  /** Sessions of each release. */
  readonly sessions: number;
}

/** Times are milliseconds since 1970, with fractions. */
export interface Event {
  readonly release: 'old' | 'new';
  readonly startedAt: number;
  readonly ms: number;
  /** SQLSTATE of a unit of work that failed; null for one that was only slow. */
  readonly refusal: string | null;
}

export interface CrowdReport {
  readonly done: { readonly old: number; readonly new: number };
  readonly events: readonly Event[];
}

/** Faster statements are not remembered one by one. */
const SLOW_MS = 20;
/** An application does not come again at once after a refusal. */
const BACK_OFF_MS = 20;

type Unit = readonly string[];

const OLD_UNITS: readonly Unit[] = [
  ['select name, owner, status from hosts where id = $1'],
  ['update hosts set last_seen = now(), heartbeat_count = heartbeat_count + 1 where id = $1'],
  ["update hosts set status = 'ok', status_reason = null where id = $1"],
  ['update hosts set memory_mb = memory_mb % 65536 + 1024 where id = $1'],
  [
    'select from hosts where id = $1 for update',
    "update hosts set status = 'down', status_reason = 'lost' where id = $1",
    "insert into events (host_id, kind, message) values ($1, 'status', 'down')",
    'update hosts set load = 0 where id = $1',
  ],
];
const NEW_UNITS: readonly Unit[] = [
  [
    `select h.name, s.status, b.last_seen from host_status s join hosts h on h.id = s.host_id
     left join host_heartbeats b on b.host_id = h.id where h.id = $1`,
  ],
  [
    `update host_heartbeats set last_seen = now(), heartbeat_count = heartbeat_count + 1
     where host_id = $1`,
  ],
  ["update host_status set status = 'ok', reason = null where host_id = $1"],
  ['update hosts set memory_bytes = memory_bytes % 68719476736 + 1073741824 where id = $1'],
  [
    "update host_status set status = 'down', reason = 'lost' where host_id = $1",
    "insert into events (host_id, kind, message) values ($1, 'status', 'down')",
    'update host_heartbeats set load = 0 where host_id = $1',
  ],
  [
    'select name from hosts where id = $1',
    'update host_heartbeats set load = load + 1 where host_id = $1',
    "update host_status set reason = 'busy' where host_id = $1",
  ],
];

interface Loop extends CrowdOrder {
  readonly release: 'old' | 'new';
  readonly stripe: number;
  readonly isOver: () => boolean;
  readonly done: { old: number; new: number };
  readonly events: Event[];
}

async function loop(order: Loop): Promise<void> {
  const { release, done, events } = order;
  const client = new Client({ connectionString: order.url });
  await client.connect();
  if (release === 'new') {
    await client.query('select set_config($1, $2, false)', ['search_path', order.newPath]);
  }
  const units = release === 'old' ? OLD_UNITS : NEW_UNITS;
  const stripes = order.sessions * 2;
  while (!order.isOver()) {
    const unit = units[Math.floor(Math.random() * units.length)] ?? [];
    const id =
      order.stripe + stripes * Math.floor(Math.random() * Math.floor(order.rows / stripes));
    // A refusal belongs to the moment when the unit was sent, not to that when it was heard of: the
    // release may have come into service in between.
    const startedAt = now();
    const refusal = await run(client, unit, id, (statementAt, ms) => {
      if (ms >= SLOW_MS) events.push({ release, startedAt: statementAt, ms, refusal: null });
    });
    if (refusal === null) done[release] += 1;
    else {
      events.push({ release, startedAt, ms: 0, refusal });
      await new Promise((resolve) => setTimeout(resolve, BACK_OFF_MS));
    }
  }
  await client.end();
}

/** @returns the SQLSTATE and the message of what was refused, or null. */
async function run(
  client: Client,
  unit: Unit,
  id: number,
  tell: (startedAt: number, ms: number) => void,
): Promise<string | null> {
  const all = unit.length > 1 ? ['begin', ...unit, 'commit'] : unit;
  for (const text of all) {
    const startedAt = now();
    try {
      await client.query(text, text.includes('$1') ? [id] : []);
    } catch (error) {
      if (unit.length > 1) await client.query('rollback');
      return `${(error as DatabaseError).code} ${(error as Error).message}`;
    } finally {
      tell(startedAt, now() - startedAt);
    }
  }
  return null;
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

if (parentPort !== null) {
  const port = parentPort;
  const order = workerData as CrowdOrder;
  const isOver = { old: false, new: false };
  port.on('message', (release: 'old' | 'new') => {
    isOver[release] = true;
  });
  const done = { old: 0, new: 0 };
  const events: Event[] = [];
  const loops = Array.from({ length: order.sessions * 2 }, (_, index) => {
    const release = index % 2 === 0 ? 'old' : 'new';
    const stripe = index + 1;
    return loop({ ...order, release, stripe, isOver: () => isOver[release], done, events });
  });
  await Promise.all(loops);
  port.postMessage({ done, events } satisfies CrowdReport);
  port.close();
}
