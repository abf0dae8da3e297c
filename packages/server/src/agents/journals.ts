// Reads the last lines of a service's journal from its host, whichever server has the session.
//
//   asked here ──► the server that has the session asks the agent ──► the agent answers
//        ▲                                                                    │
//        └──────────────────────── by the bus ────────────────────────────────┘
//
// Nothing of it is kept: whoever asks waits, and asks again when nothing came in time.

import { HalflapError } from '@halflap/protocol';
import { checkOf, type Journal } from '@halflap/protocol/agent';
import { Type } from 'typebox';
import type { Bus } from '../bus/bus.js';
import type { Message } from '../bus/message.js';
import type { Log, Store } from '../store/store.js';
import type { Duty, DutyFrame, Session } from './session.js';

export interface JournalAsked {
  readonly host: string;
  readonly service: string;
  /** 1–1000. */
  readonly lines: number;
}

export interface Journals {
  readonly duty: Duty;
  /** Resolves when it listens; who asks before that may have to ask again. */
  readonly begun: Promise<void>;
  /**
   * The last lines, the oldest first.
   * @throws HOST_AWAY when the host is not connected, does not answer, or has no such journal.
   */
  read(asked: JournalAsked): Promise<readonly string[]>;
}

export interface JournalsOptions {
  readonly store: Store;
  readonly bus: Bus;
  /** The name of this server. */
  readonly server: string;
  readonly log: Log;
}

const ASKED = 'journal.asked';
const ANSWERED = 'journal.answered';
/** A host reads its journal within a second or two. */
const ANSWER_MS = 10_000;
/** What fits into a message of the bus beside its envelope. */
const MOST_TEXT_BYTES = 48 * 1024;

const checkAsked = checkOf(
  Type.Object({
    /** Servers: whom it is for, and who wants to know. */
    ...{ server: Type.String(), from: Type.String() },
    ...{ id: Type.String(), host: Type.String(), service: Type.String(), lines: Type.Integer() },
  }),
);
const checkAnswered = checkOf(
  Type.Object({
    ...{ server: Type.String(), id: Type.String() },
    ...{ lines: Type.Array(Type.String()), error: Type.Union([Type.String(), Type.Null()]) },
  }),
);

type Answer = Pick<Journal, 'lines' | 'error'>;

/** By the bus, whose broker may be away. */
export function startJournals(options: JournalsOptions): Journals {
  const { bus, log } = options;
  const journals = new JournalReader(options);
  const begun = bus.follow({
    name: 'journals',
    topics: [ASKED, ANSWERED],
    handle: (message) => journals.heard(message),
    onMissed: (why) => log.debug({ why }, 'who asked for a journal may have to ask again'),
  });
  return { duty: journals, begun, read: (asked) => journals.read(asked) };
}

class JournalReader implements Duty {
  readonly #options: JournalsOptions;
  readonly #sessions = new Map<string, Session>();
  /** Asked by this server: who waits. */
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  /** Asked of an agent of this server: who wants to know. */
  readonly #answers = new Map<string, (answer: Answer) => Promise<void>>();

  constructor(options: JournalsOptions) {
    this.#options = options;
  }

  async opened(session: Session): Promise<void> {
    this.#sessions.set(session.host, session);
  }

  async received(_: Session, frame: DutyFrame): Promise<void> {
    if (frame.type !== 'journal') return;
    const tell = this.#answers.get(frame.id);
    this.#answers.delete(frame.id);
    await tell?.(frame);
  }

  closed(session: Session): void {
    if (this.#sessions.get(session.host) === session) this.#sessions.delete(session.host);
  }

  async read(asked: JournalAsked): Promise<readonly string[]> {
    const id = crypto.randomUUID();
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    const late = AbortSignal.timeout(ANSWER_MS);
    try {
      await this.#ask(id, asked);
      const { lines, error } = await Promise.race([answered, rejection(late)]);
      if (error !== null) throw away(error);
      return lines;
    } catch (error) {
      throw late.aborted ? away('the host does not answer') : error;
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #ask(id: string, asked: JournalAsked): Promise<void> {
    const { store, server } = this.#options;
    const tell = async (answer: Answer) => this.#waiting.get(id)?.(answer);
    if (this.#askAgent(id, asked, tell)) return;
    const [row] = await store.readHost<{ server: string | null }>(
      asked.host,
      `select case when session_expires_at > now() then server end as server
       from hosts where id = $1`,
      [asked.host],
    );
    const other = row?.server ?? null;
    if (other === null || other === server) throw away('the host is not connected');
    await this.#publish(asked.host, ASKED, { server: other, from: server, id, ...asked });
  }

  /** @returns false when this server does not have the session. */
  #askAgent(
    id: string,
    { host, service, lines }: JournalAsked,
    tell: (answer: Answer) => Promise<void>,
  ): boolean {
    const session = this.#sessions.get(host);
    if (session === undefined) return false;
    this.#answers.set(id, tell);
    setTimeout(() => this.#answers.delete(id), ANSWER_MS).unref();
    return session.send({ type: 'journal_asked', id, service, lines });
  }

  async heard({ topic, body }: Message): Promise<void> {
    const { server } = this.#options;
    if (topic === ANSWERED) {
      const answered = checkAnswered(body);
      if (!answered.ok || answered.value.server !== server) return;
      this.#waiting.get(answered.value.id)?.(answered.value);
      return;
    }
    const asked = checkAsked(body);
    if (!asked.ok || asked.value.server !== server) return;
    const { id, from, host } = asked.value;
    const tell = ({ lines, error }: Answer) =>
      this.#publish(host, ANSWERED, { server: from, id, error, lines: lastThatFit(lines) });
    if (this.#askAgent(id, asked.value, tell)) return;
    await tell({ lines: [], error: 'the host is not connected' });
  }

  async #publish(host: string, topic: string, body: object): Promise<void> {
    const shard = this.#options.store.shardOf(host);
    await shard.transaction((client) =>
      this.#options.bus.publish(shard.name, client, { topic, body }),
    );
  }
}

/** The end of a journal is what somebody looks for. */
function lastThatFit(lines: readonly string[]): string[] {
  let bytes = 0;
  const fit: string[] = [];
  for (const line of [...lines].reverse()) {
    bytes += Buffer.byteLength(JSON.stringify(line)) + 1;
    if (bytes > MOST_TEXT_BYTES) break;
    fit.unshift(line);
  }
  return fit;
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function away(reason: string): HalflapError {
  return new HalflapError('HOST_AWAY', reason, {
    hint: 'look at the host: halflap hosts show HOST',
  });
}
