// Brings orders to the agents whose sessions this server has, and takes what they say about them.
//
// What has to be sent is in the store. It is looked for when a session begins, when the doorbell
// rings, and every few seconds; so a bell that nobody heard costs a few seconds and nothing else.

import type { Output } from '@halflap/protocol/agent';
import type { Present } from '../agents/presence.js';
import type { Duty, DutyFrame, Session } from '../agents/session.js';
import type { Authority } from '../authority/authority.js';
import { writeHosts } from '../store/many-hosts.js';
import type { Log, Store } from '../store/store.js';
import type { Doorbell } from './doorbell.js';
import type { News } from './follow.js';
import { handOver, loseForgotten, NEWS, type ToCancel, type ToRun } from './handover.js';
import { keepOutput } from './output.js';
import { noteBegun, noteEnded } from './results.js';

export interface DeliveryOptions {
  readonly store: Store;
  readonly authority: Authority;
  readonly doorbell: Doorbell;
  /** The name of this server. */
  readonly server: string;
  readonly log: Log;
  readonly news: News;
  /** A run has ended: whoever drives its job may go on. */
  readonly onEnded: (job: string) => void;
}

/** How often the store is looked at without a bell. */
const LOOK_MS = 2000;
const ANSWER_MS = 5000;
/** As many as an agent can name (the protocol's Hello): with so many some may be left out. */
const MOST_UNFINISHED = 1000;

export class Delivery implements Duty {
  readonly #options: DeliveryOptions;
  readonly #sessions = new Map<string, Session>();
  /** Hosts for which there may be something. */
  #called = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #isBusy = false;
  #isLooking = false;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#unsubscribe = options.doorbell.on(options.server, (hosts) => this.#call(hosts));
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
  }

  async opened(session: Session): Promise<void> {
    const { store } = this.#options;
    const { host, hello } = session;
    this.#sessions.set(host, session);
    const open = await store.readHost(
      host,
      `select from job_runs
       where host_id = $1 and state in ('released', 'sent', 'running') limit 1`,
      [host],
    );
    if (open.length === 0) return;
    const handed = await store.withHost(host, async (client) => {
      if (hello.unfinished.length < MOST_UNFINISHED) {
        await loseForgotten(client, session, hello.unfinished);
      }
      return handOver(client, [session], true);
    });
    this.#send(handed.orders, handed.cancels);
  }

  async received(session: Session, frame: DutyFrame): Promise<void> {
    const { store, news, onEnded } = this.#options;
    const { host } = session;
    switch (frame.type) {
      case 'begun':
        await store.withHost(host, (client) => noteBegun(client, session, frame));
        break;
      case 'output':
        await this.#keep(session, frame);
        break;
      case 'ended': {
        const { run, result } = frame;
        const noted = await store.withHost(host, (client) =>
          noteEnded(client, session, run, result),
        );
        if (noted !== 'old') session.send({ type: 'result_kept', run });
        if (typeof noted === 'object') onEnded(noted.ended);
        break;
      }
      case 'journal':
        return;
      default:
        frame satisfies never;
    }
    news.tell(host);
  }

  closed(session: Session): void {
    if (this.#sessions.get(session.host) === session) this.#sessions.delete(session.host);
  }

  async #keep(session: Session, frame: Output): Promise<void> {
    const below = await this.#options.store.withHost(session.host, (client) =>
      keepOutput(client, session, frame),
    );
    if (below !== null) session.send({ type: 'output_kept', run: frame.run, below });
  }

  /** Looks for what is to be sent, on all shards. Never throws. */
  async look(): Promise<void> {
    const { store, server, log } = this.#options;
    if (this.#sessions.size === 0 || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { rows } = await store.gather<{ host_id: string }>(NEWS, [server], {
        timeoutMs: ANSWER_MS,
      });
      this.#call(rows.map(({ host_id }) => host_id));
      await this.#work;
    } catch (error) {
      log.warn({ error }, 'the store was not looked at for orders');
    } finally {
      this.#isLooking = false;
    }
  }

  /** Ends the looking. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    await this.#work;
  }

  #call(hosts: readonly string[]): void {
    for (const host of hosts) if (this.#sessions.has(host)) this.#called.add(host);
    if (this.#called.size === 0 || this.#isBusy) return;
    this.#isBusy = true;
    this.#work = this.#answer().finally(() => {
      this.#isBusy = false;
    });
  }

  /** One after the other: what is called meanwhile is done together. */
  async #answer(): Promise<void> {
    while (this.#called.size > 0) {
      const called = this.#called;
      this.#called = new Set();
      try {
        await this.#deliver([...called]);
      } catch (error) {
        this.#options.log.warn({ error }, 'orders could not be sent; the next look goes on');
      }
    }
  }

  async #deliver(hosts: readonly string[]): Promise<void> {
    const { store, log } = this.#options;
    const { rows, errors } = await writeHosts(store, hosts, async (client, some) => {
      const sessions: Present[] = some.flatMap((host) => this.#sessions.get(host) ?? []);
      return [await handOver(client, sessions, false)];
    });
    for (const { orders, cancels } of rows) this.#send(orders, cancels);
    for (const [shard, error] of errors) log.warn({ shard, error }, 'orders could not be sent');
  }

  /** A session that has ended meanwhile has told nothing: the host's next one sends it again. */
  #send(orders: readonly ToRun[], cancels: readonly ToCancel[]): void {
    for (const { host, order } of orders) {
      const session = this.#sessions.get(host);
      if (session === undefined) continue;
      const signed = this.#options.authority.signOrder(order, session.kept?.keys ?? null);
      session.send({ type: 'run', fence: session.fence, order, ...signed });
    }
    for (const { host, run } of cancels) {
      const session = this.#sessions.get(host);
      session?.send({ type: 'cancel', fence: session.fence, run });
    }
  }
}
