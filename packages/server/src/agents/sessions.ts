// All sessions of this server, and how the store hears of them.

import { type Hello, PROTOCOL, type Range } from '@halflap/protocol/agent';
import { asHalflapError } from '../api/problem.js';
import type { Authority } from '../authority/authority.js';
import type { Log, Store } from '../store/store.js';
import type { Connection, Frame, Handling, Monotonic } from './connection.js';
import { keepCertificate } from './enrol.js';
import { openSession, type Peer, type Refusal } from './opening.js';
import { endPresence, type Present, renewPresence } from './presence.js';
import { ReportParts, ReportTooLong, storeReport } from './reports.js';
import { type Duty, Session } from './session.js';
import { noteKept } from './trust.js';

export interface SessionsOptions {
  readonly store: Store;
  readonly authority: Authority;
  /** The name of this server. */
  readonly server: string;
  readonly version: string;
  /** Revisions of the agents' protocol that it speaks; default: those of this release. */
  readonly protocol?: Range;
  readonly heartbeatSeconds: number;
  readonly reportSeconds: number;
  readonly duties: readonly Duty[];
  readonly log: Log;
  readonly clock: () => Date;
  readonly now: Monotonic;
  /** From 0 up to, without, 1. */
  readonly random: () => number;
}

/** A host counts as connected for so many heartbeats after the last. */
const HEARTBEATS_PER_LEASE = 3;
/** Certificates that a server is asked for in a second once the authority has changed, about. */
const RENEWALS_PER_SECOND = 20;
/** Agents come back within this time after their server has ended or a shard is away, spread. */
const SPREAD_MS = 5000;
const UNAVAILABLE_MS = 15_000;
/** How long a server that ends waits for what its sessions are doing: a shard may be away. */
const STOP_MS = 10_000;

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, Session>();
  /** Ended since the store was told last. */
  #ended: Present[] = [];
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> = Promise.resolve();
  #isStopping = false;
  readonly #unfollow: () => void;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), (options.heartbeatSeconds * 1000) / 2);
    this.#unfollow = options.authority.follow(() => this.#tellTrust());
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** The session of a host on this server. */
  find(host: string): Session | undefined {
    return this.#sessions.get(host);
  }

  all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** What a new connection of this peer is handled by. */
  handlingOf(peer: Peer, connection: () => Connection): Handling {
    let session: Session | undefined;
    const parts = new ReportParts();
    return {
      greeted: async (hello) => {
        session = await this.#greet(peer, hello, connection());
      },
      received: async (frame) => {
        if (session !== undefined) await this.#receive(session, frame, parts);
      },
      closed: () => {
        if (session !== undefined) this.#closed(session);
      },
      failed: (error) => this.#failed(peer, error),
    };
  }

  async #greet(peer: Peer, hello: Hello, connection: Connection): Promise<Session | undefined> {
    const { store, server, heartbeatSeconds, protocol = PROTOCOL } = this.#options;
    if (this.#isStopping) {
      connection.close(this.#goodbye());
      return undefined;
    }
    const isCurrent = await this.#readAhead(hello);
    const leaseSeconds = heartbeatSeconds * HEARTBEATS_PER_LEASE;
    const opened = await openSession({ store, server, protocol, leaseSeconds }, peer, hello);
    if ('reason' in opened) {
      connection.close(opened);
      return undefined;
    }
    const session = new Session(connection, opened, { host: peer.host, hello });
    if (!connection.isOpen) {
      this.#ended.push(session);
      return undefined;
    }
    const other = this.#sessions.get(peer.host);
    if (other !== undefined && other.fence > session.fence) {
      connection.close(REPLACED);
      return session;
    }
    other?.connection.close(REPLACED);
    this.#sessions.set(peer.host, session);
    session.send({
      type: 'welcome',
      protocol: opened.protocol,
      server,
      serverVersion: this.#options.version,
      fence: opened.fence,
      now: this.#options.clock().toISOString(),
      heartbeatSeconds,
      reportSeconds: this.#options.reportSeconds,
      revision: opened.revision,
    });
    // Before any order: it may be signed with a key that the host hears of by this.
    if (isCurrent) this.#offerTrust(session);
    for (const duty of this.#options.duties) await duty.opened(session);
    return session;
  }

  /**
   * A host may know of keys that this server has not read: others of the cluster have.
   * @returns false when they cannot be read now: who knows more is not told to forget it.
   */
  async #readAhead({ kept }: Hello): Promise<boolean> {
    const { authority, log } = this.#options;
    if (kept === undefined || !authority.isBehind(kept)) return true;
    try {
      await authority.refresh();
      return true;
    } catch (error) {
      log.warn({ error }, 'a host knows keys that this server cannot read now');
      return false;
    }
  }

  #tellTrust(): void {
    for (const session of this.#sessions.values()) this.#offerTrust(session);
  }

  /** Says whom to trust, where that is not what the host has kept. */
  #offerTrust(session: Session): void {
    const { kept, issuedBy } = session;
    const offer = kept === null ? null : this.#options.authority.offerFor(kept, issuedBy);
    if (offer === null) return;
    const { renews, ...trust } = offer;
    const renewWithinSeconds = renews ? Math.ceil(this.#sessions.size / RENEWALS_PER_SECOND) : null;
    session.send({ type: 'trust', ...trust, renewWithinSeconds });
  }

  async #receive(session: Session, frame: Frame, parts: ReportParts): Promise<void> {
    switch (frame.type) {
      case 'heartbeat':
        session.connection.pong();
        return;
      case 'report': {
        const all = parts.add(frame);
        if (all === null) return;
        const answer = await storeReport(this.#options.store, session, all);
        if (answer === null) session.connection.close(REPLACED);
        else session.send(answer);
        return;
      }
      case 'certificate_asked':
        await this.#renew(session, frame.request);
        return;
      case 'trusts':
        session.kept = frame.kept;
        session.issuedBy = await noteKept(this.#options.store, session, frame.kept);
        return;
      case 'begun':
      case 'output':
      case 'ended':
      case 'journal':
        for (const duty of this.#options.duties) await duty.received(session, frame);
        return;
      default:
        frame satisfies never;
    }
  }

  async #renew(session: Session, request: string): Promise<void> {
    const { authority, store } = this.#options;
    const certificate = await authority.issueHost(session.host, request);
    await store.withHost(session.host, (client) =>
      keepCertificate(client, session.host, certificate),
    );
    const keys = [...authority.keyChain];
    session.send({ type: 'certificate', chain: certificate.pem, keys });
  }

  #closed(session: Session): void {
    if (this.#sessions.get(session.host) === session) this.#sessions.delete(session.host);
    this.#ended.push(session);
    for (const duty of this.#options.duties) duty.closed(session);
  }

  #failed({ host }: Peer, error: unknown): Refusal {
    if (error instanceof ReportTooLong) {
      const { message: detail } = error;
      return { reason: 'malformed', detail, reconnectAfterMs: UNAVAILABLE_MS };
    }
    // A connection to the shard that broke is none of our defects either.
    const { retryable, message } = asHalflapError(error);
    this.#options.log[retryable ? 'warn' : 'error']({ host, error }, `session ends: ${message}`);
    const detail = retryable ? message : 'the server failed; its log says why';
    return { reason: 'unavailable', detail, reconnectAfterMs: this.#spread(UNAVAILABLE_MS) };
  }

  /** Tells the store which sessions go on and which have ended, and learns which are another's. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flush());
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const { store, heartbeatSeconds, now, log } = this.#options;
    const leaseSeconds = heartbeatSeconds * HEARTBEATS_PER_LEASE;
    const silentSince = now() - leaseSeconds * 1000;
    for (const { connection } of this.#sessions.values()) {
      if (connection.heardAt < silentSince) connection.terminate();
    }
    const ended = this.#ended;
    this.#ended = [];
    try {
      await endPresence(store, ended);
      const lost = await renewPresence(store, [...this.#sessions.values()], leaseSeconds);
      if (lost.length === 0) return;
      // Not found where they were: their buckets may have moved.
      await store.refresh();
      const gone = await renewPresence(store, lost, leaseSeconds);
      for (const { host, fence } of gone) {
        const session = this.#sessions.get(host);
        if (session?.fence === fence) session.connection.close(REPLACED);
      }
    } catch (error) {
      log.error({ error }, 'the store was not told which hosts are connected');
    }
  }

  /** Says goodbye to all, spread over a while, and tells the store. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    this.#unfollow();
    const connections = [...this.#sessions.values()].map(({ connection }) => connection);
    for (const connection of connections) connection.close(this.#goodbye());
    const ended = Promise.all(connections.map((connection) => connection.ended));
    await Promise.race([ended, pause(STOP_MS)]);
    await this.flush();
  }

  #goodbye(): Refusal {
    const reconnectAfterMs = this.#spread(SPREAD_MS);
    return { reason: 'stopping', detail: 'the server ends', reconnectAfterMs };
  }

  #spread(ms: number): number {
    return Math.round(ms * this.#options.random());
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}

const REPLACED: Refusal = {
  reason: 'replaced',
  detail: 'another session of this host has begun',
  reconnectAfterMs: 60_000,
};
