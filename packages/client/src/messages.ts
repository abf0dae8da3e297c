// Messages between servers of two releases. The transport is the application's own; this says in
// which form a message is written, reads what comes, and keeps on a shard what cannot be read.
//
// Rules: the producer writes what the slowest server that lives can read, and where it does not
// know, what the release before reads. The consumer goes by the envelope alone. Nothing is dropped:
// what cannot be read is parked before `receive` returns, and when it cannot be parked, it throws.

import { createHash, randomUUID } from 'node:crypto';
import { compareVersions, type ParkedRow, type ServersFile } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { type ReadMessage, readEnvelope, type UnreadMessage, written } from './envelope.js';
import { checkInteger, shown, wrong } from './given.js';
import type { LastHeard } from './lease.js';
import type { Settings } from './options.js';
import type { Body } from './shape.js';
import type { Shard } from './shard.js';

/** One message for the application, in the form of its own release. */
export interface Message {
  /** The same for the same message, however often it is delivered. */
  readonly id: string;
  readonly type: string;
  readonly body: Body;
  /** The release in whose form it was sent. */
  readonly level: string;
}

/** Where what a consumer cannot read is kept. */
export interface Consumer {
  /** A shard of the fleet, by its name. */
  readonly shard: string;
  /** The queue or subscription that the message came by; at most 200 characters. */
  readonly consumer: string;
}

export interface Taken {
  readonly handled: number;
  /** Could not be read after all, and were parked again. */
  readonly parked: number;
}

export interface MessagesHost {
  readonly settings: Settings;
  readonly shard: (name: string) => Shard;
  /** Of every shard; undefined for one that was never heard. */
  readonly heard: () => readonly (LastHeard | undefined)[];
}

export class Messages {
  readonly #host: MessagesHost;
  #level: string | undefined;

  constructor(host: MessagesHost) {
    this.#host = host;
  }

  /** The release in whose form messages are written now; changes with the heartbeats. */
  get level(): string {
    this.#level ??= slowest(this.#file(), this.#host.heard());
    return this.#level;
  }

  /** What was heard has changed; called after every heartbeat. */
  refresh(): void {
    this.#level = undefined;
  }

  /**
   * The message as text, for the transport. `body` is of this server's release. One that has no
   * form in the release before is written as it is, and servers of that release park it.
   * @throws MESSAGE_INVALID with the fields that are not as the release states them.
   */
  encode(type: string, body: Body, { id = randomUUID() }: { readonly id?: string } = {}): string {
    return written({ type, body }, this.#file(), { level: this.level, id });
  }

  /** Reads a message without keeping anything. Never throws for what the text is. */
  decode(text: string): ReadMessage | UnreadMessage {
    return readEnvelope(text, this.#file());
  }

  /**
   * Reads a message and gives it to the handler, in several parts where this release has split what
   * was one; or parks it. Either is done when this resolves, and the transport may forget it.
   * @throws what the handler throws; SHARD_UNREACHABLE, CLIENT_NOT_SERVED when it cannot be parked.
   */
  async receive(
    text: string,
    consumer: Consumer,
    handler: (message: Message) => Promise<void>,
  ): Promise<'handled' | 'parked'> {
    checkConsumer(consumer);
    const read = this.decode(text);
    if (read.ok) {
      for (const message of messagesOf(read)) await handler(message);
      return 'handled';
    }
    const parked = this.#parked(text, read, consumer);
    await this.#host
      .shard(consumer.shard)
      .query('select halflap.park_message($1::jsonb)', [parked]);
    return 'parked';
  }

  /**
   * Hands out what was parked for this consumer and can be read now: what an operator has given
   * back, and what was only too new for the server that parked it. Each in a transaction of its
   * own, in which the handler may write by the client it is given; when it throws, the message
   * stays parked. Several servers may take at once. `limit`: 1 to 10000, default 100.
   */
  async takeParked(
    consumer: Consumer,
    handler: (message: Message, client: ClientBase) => Promise<void>,
    { limit = 100 }: { readonly limit?: number } = {},
  ): Promise<Taken> {
    checkConsumer(consumer);
    checkInteger('limit', limit, [1, 10_000]);
    const taken = { handled: 0, parked: 0 };
    for (let count = 0; count < limit; count += 1) {
      const outcome = await this.#takeOne(consumer, handler);
      if (outcome === 'none') break;
      taken[outcome] += 1;
    }
    return taken;
  }

  #takeOne(
    consumer: Consumer,
    handler: (message: Message, client: ClientBase) => Promise<void>,
  ): Promise<'handled' | 'parked' | 'none'> {
    const { release, from } = this.#file();
    return this.#host.shard(consumer.shard).transaction(async (client) => {
      const { rows } = await client.query<ParkedRow>(
        'select envelope from halflap.take_parked($1, $2::text[], 1)',
        [consumer.consumer, from === null ? [release] : [release, from]],
      );
      const [row] = rows;
      if (row === undefined) return 'none';
      const read = this.decode(row.envelope);
      if (read.ok) {
        for (const message of messagesOf(read)) await handler(message, client);
        return 'handled';
      }
      const parked = this.#parked(row.envelope, read, consumer);
      await client.query('select halflap.park_message($1::jsonb)', [parked]);
      return 'parked';
    });
  }

  #parked(envelope: string, unread: UnreadMessage, { consumer }: Consumer): string {
    const { server, release } = this.#host.settings;
    return JSON.stringify({
      consumer,
      message_id: unread.id ?? createHash('sha256').update(envelope).digest('hex'),
      type: unread.type,
      level: unread.level,
      is_newer: unread.isNewer,
      reason: unread.reason.slice(0, 2000),
      envelope,
      server,
      release,
    });
  }

  #file(): ServersFile {
    const { servers } = this.#host.settings;
    if (servers !== null) return servers;
    throw wrong('open: servers', 'missing', 'the servers file that states the messages');
  }
}

/** Before the first message that cannot be read, which would come late. */
function checkConsumer({ consumer }: Consumer): void {
  if (typeof consumer === 'string' && consumer !== '' && consumer.length <= 200) return;
  throw wrong('consumer', shown(consumer), 'a text of 1 to 200 characters');
}

/** The lower of this release and the one before that some server has, or may have. */
function slowest(file: ServersFile, heard: readonly (LastHeard | undefined)[]): string {
  const { release, from } = file;
  if (from === null) return release;
  const isKnown = heard.every((one) => one !== undefined && one.releases.length > 0);
  const releases = heard.flatMap((one) => one?.releases ?? []);
  const isLower = releases.some((one) => compareVersions(one, release) < 0);
  return isKnown && !isLower ? release : from;
}

function messagesOf({ id, level, messages }: ReadMessage): Message[] {
  return messages.map((message, at) => {
    return { id: at === 0 ? id : `${id}#${at + 1}`, level, ...message };
  });
}
