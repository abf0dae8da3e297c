// Carries the messages of one shard to NATS: one server of the cluster does it at a time, by a row
// in the shard that is its lease and says how far it has come.
//
// Invariant: the row moves on only after NATS has stored what came before, and of each key the next
// message is sent only then. So nothing is left out and no key is out of order; what a relay sent
// before it died is sent again by the next one, and NATS knows it by its id.

import { randomUUID } from 'node:crypto';
import type { Shard } from '@halflap/client';
import { headers } from '@nats-io/transport-node';
import { Bell, pause, pauseAfter } from './bell.js';
import type { CarrierHost } from './carrier.js';
import type { Link, Links } from './nats-link.js';
import { reasonOf } from './subscription.js';
import { type Cursor, readTail, type TailRow, tailFromNow } from './tail.js';

const PAGE = 500;

/** In which shard a message stands. */
export const SHARD_HEADER = 'Halflap-Shard';

interface Lease {
  readonly fence: string;
  readonly cursor: Cursor;
}

export class Relay {
  readonly #shard: Shard;
  readonly #links: Links;
  readonly #host: CarrierHost;
  readonly #owner: string;
  readonly bell = new Bell();

  constructor(shard: Shard, links: Links, host: CarrierHost) {
    this.#shard = shard;
    this.#links = links;
    this.#host = host;
    this.#owner = `${host.server}/${randomUUID()}`;
  }

  /** Until the stop. */
  async run(): Promise<void> {
    const stop = this.#links.stopped;
    let failures = 0;
    while (!stop.aborted) {
      try {
        const link = await this.#links.get(stop);
        const lease = await this.#acquire();
        if (lease === null) await pause((this.#host.leaseSeconds * 1000) / 3, stop);
        else await this.#carry(link, lease);
        failures = 0;
      } catch (error) {
        if (stop.aborted) return;
        failures += 1;
        if (failures === 1) this.#warn(reasonOf(error));
        await pause(pauseAfter(failures, { firstMs: 100, longestMs: this.#host.pollMs }), stop);
      }
    }
  }

  /**
   * Sees to it that whatever is published from now on will be carried, by whichever server: the
   * row that says how far that has come is there.
   */
  async prepare(): Promise<void> {
    const { timeoutMs } = this.#host;
    const start = JSON.stringify(await tailFromNow(this.#shard, timeoutMs));
    await this.#shard.query(
      `insert into bus_relays (name, owner, fence, expires_at, cursor)
       values ($1, $2, 0, now(), $3)
       on conflict (name) do nothing`,
      [this.#links.stream, this.#owner, start],
      { timeoutMs },
    );
  }

  /** Until the stop, or the lease is somebody else's. */
  async #carry(link: Link, { fence, cursor: from }: Lease): Promise<void> {
    const { timeoutMs, pollMs, leaseSeconds } = this.#host;
    const until = AbortSignal.any([this.#links.stopped, link.lost]);
    let cursor = from;
    let savedAtMs = performance.now();
    try {
      while (!until.aborted) {
        const page = await readTail(this.#shard, cursor, { topics: null, limit: PAGE, timeoutMs });
        await this.#send(link, page.rows);
        cursor = page.cursor;
        const isDue = performance.now() - savedAtMs > (leaseSeconds * 1000) / 3;
        if (page.rows.length > 0 || isDue) {
          if (!(await this.#save(fence, cursor, leaseSeconds))) return;
          savedAtMs = performance.now();
        }
        const waitMs = Math.min(pollMs, (leaseSeconds * 1000) / 3);
        if (!page.isFull) await this.bell.wait(waitMs, until);
      }
    } finally {
      // Another server need not wait for the end of the lease.
      await this.#save(fence, cursor, 0).catch(() => {});
    }
  }

  async #send({ js, connection }: Link, rows: readonly TailRow[]): Promise<void> {
    if (connection.isClosed()) throw new Error('the connection was closed');
    await Promise.all(
      lanesOf(rows).map(async (lane) => {
        for (const { id, topic, envelope } of lane) {
          const head = headers();
          head.set(SHARD_HEADER, this.#shard.name);
          const subject = this.#links.subject(topic);
          await js.publish(subject, envelope, { msgID: id, headers: head });
        }
      }),
    );
  }

  async #acquire(): Promise<Lease | null> {
    const { timeoutMs, leaseSeconds } = this.#host;
    await this.prepare();
    const { rows } = await this.#shard.query<{ fence: string; cursor: string }>(
      `update bus_relays
       set owner = $2, fence = fence + 1, expires_at = now() + make_interval(secs => $3)
       where name = $1 and expires_at <= now()
       returning fence, cursor`,
      [this.#links.stream, this.#owner, leaseSeconds],
      { timeoutMs },
    );
    const [row] = rows;
    return row === undefined ? null : { fence: row.fence, cursor: JSON.parse(row.cursor) };
  }

  /** False when the lease is somebody else's. */
  async #save(fence: string, cursor: Cursor, seconds: number): Promise<boolean> {
    const { rowCount } = await this.#shard.query(
      `update bus_relays
       set cursor = $4, expires_at = now() + make_interval(secs => $3)
       where name = $1 and fence = $2`,
      [this.#links.stream, fence, seconds, JSON.stringify(cursor)],
      { timeoutMs: this.#host.timeoutMs },
    );
    return rowCount === 1;
  }

  #warn(problem: string): void {
    const message = `bus: cannot be carried to NATS: ${problem}`;
    this.#host.log({ level: 'warn', shard: this.#shard.name, message });
  }
}

function lanesOf(rows: readonly TailRow[]): TailRow[][] {
  const lanes = new Map<string, TailRow[]>();
  for (const row of rows) {
    const lane = row.key === null ? `id ${row.id}` : `key ${row.key}`;
    const found = lanes.get(lane);
    if (found === undefined) lanes.set(lane, [row]);
    else found.push(row);
  }
  return [...lanes.values()];
}
