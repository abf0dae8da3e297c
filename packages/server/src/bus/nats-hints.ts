// Tells the members of a group that there is work: one member for each message, the one that has
// room, where a NOTIFY would wake all servers for every message.
//
// A hint is not the message: claims are made in the shard (ledger.ts). So a hint that is lost costs
// no more than the time to the next poll, and none has to be acknowledged.

import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { pause, pauseAfter } from './bell.js';
import type { Listener } from './carrier.js';
import type { Link, Links } from './nats-link.js';
import { SHARD_HEADER } from './nats-relay.js';

const MOST_HINTS = 100;
/** How long NATS keeps a request for hints open. */
const WAIT_MS = 5000;
/** NATS forgets what a group has not heard, once no member asked for so long. */
const SILENCE_MS = 3600_000;
const AGAIN = { firstMs: 200, longestMs: 5000 };

/** Of one topic, until the signal. Never throws. */
export async function hearHints(
  links: Links,
  listener: Listener,
  topic: string,
  stop: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!stop.aborted) {
    try {
      const link = await links.get(stop);
      await hear({ links, listener, topic, stop: AbortSignal.any([stop, link.lost]) }, link);
      failures = 0;
    } catch {
      failures += 1;
    }
    await pause(pauseAfter(Math.max(1, failures), AGAIN), stop);
  }
}

interface Hearing {
  readonly links: Links;
  readonly listener: Listener;
  readonly topic: string;
  readonly stop: AbortSignal;
}

async function hear({ links, listener, topic, stop }: Hearing, link: Link): Promise<void> {
  const { js, manager } = link;
  const name = `${listener.group}_${topic}`.replaceAll('.', '-');
  await manager.consumers.add(links.stream, {
    durable_name: name,
    filter_subject: links.subject(topic),
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.New,
    headers_only: true,
    inactive_threshold: nanos(SILENCE_MS),
  });
  const consumer = await js.consumers.get(links.stream, name);
  // What was published while nobody heard.
  listener.wake();
  while (!stop.aborted) {
    const room = await listener.free(stop);
    if (room === 0) return;
    const most = Math.min(room, MOST_HINTS);
    const messages = await consumer.fetch({ max_messages: most, expires: WAIT_MS });
    const end = () => messages.stop();
    stop.addEventListener('abort', end, { once: true });
    try {
      for await (const message of messages) listener.wake(message.headers?.get(SHARD_HEADER));
    } finally {
      stop.removeEventListener('abort', end);
    }
  }
}
