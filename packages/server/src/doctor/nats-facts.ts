// Whether NATS answers, and what its stream holds, for whoever looks for a fault. Makes nothing.

import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NatsOptions } from '../bus/nats-link.js';
import { STREAM } from '../bus/nats-link.js';

export interface NatsFacts {
  /** Of the server that answered. */
  readonly version: string;
  /** Null before a server has made it. */
  readonly stream: {
    readonly messages: number;
    readonly bytes: number;
    readonly mostBytes: number;
    readonly readers: number;
  } | null;
}

/** @throws what the client of NATS does: no connection, no JetStream, no right. */
export async function readNatsFacts(
  { connection: where, name = STREAM }: NatsOptions,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<NatsFacts> {
  const timeout = timeoutMs;
  const connection = await connect({ timeout, ...where, name: 'halflap/doctor', reconnect: false });
  try {
    const manager = await jetstreamManager(connection, { timeout });
    const info = await manager.streams.info(name).catch((error: unknown) => {
      if (error instanceof JetStreamApiError && error.status === NOT_FOUND) return null;
      throw error;
    });
    const version = connection.info?.version ?? 'unknown';
    if (info === null) return { version, stream: null };
    const { state, config } = info;
    const { messages, bytes, consumer_count: readers } = state;
    return { version, stream: { messages, bytes, mostBytes: config.max_bytes, readers } };
  } finally {
    await connection.close();
  }
}

const NOT_FOUND = 404;
