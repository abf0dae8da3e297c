// A stand-in for poolers in front of a server: passes bytes on, but drops `options` and
// `application_name` from the startup message, or refuses a message that has `options` in the words
// of PgBouncer. Source: PostgreSQL manual, section 55.7, StartupMessage and ErrorResponse.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const DROPPED = ['options', 'application_name'];

export interface Pooler {
  /** Passes nothing on any more, and breaks no connection: a network that swallows everything. */
  freeze(): void;
  thaw(): void;
}

/** Runs `body` with a URL that leads through the pooler. */
export async function withPooler<Result>(
  url: string,
  manner: 'drops' | 'refuses',
  body: (url: string, pooler: Pooler) => Promise<Result>,
): Promise<Result> {
  const target = new URL(url);
  const streams = new Set<Socket>();
  let isFrozen = false;
  const server = createServer((client) => {
    client.once('data', (startup: Buffer) => {
      const words = startup.subarray(8, -2).toString().split('\0');
      if (manner === 'refuses' && words.includes('options')) {
        client.end(refusal());
        return;
      }
      const upstream = connect(Number(target.port), target.hostname);
      client.on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
      upstream.write(startupOf(startup, words));
      client.pipe(upstream);
      upstream.pipe(client);
      for (const stream of [client, upstream]) {
        streams.add(stream.once('close', () => streams.delete(stream)));
        if (isFrozen) stream.pause();
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  const pooler: Pooler = {
    freeze() {
      isFrozen = true;
      for (const stream of streams) stream.pause();
    },
    thaw() {
      isFrozen = false;
      for (const stream of streams) stream.resume();
    },
  };
  try {
    return await body(through.href, pooler);
  } finally {
    pooler.thaw();
    server.close();
  }
}

function startupOf(original: Buffer, words: readonly string[]): Buffer {
  const kept: string[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [key, value] = [words[at] ?? '', words[at + 1] ?? ''];
    if (!DROPPED.includes(key)) kept.push(key, value);
  }
  const body = Buffer.from(`${kept.join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  original.copy(head, 4, 4, 8);
  return Buffer.concat([head, body]);
}

function refusal(): Buffer {
  const fields = 'SFATAL\0C08P01\0Munsupported startup parameter: options\0\0';
  const head = Buffer.from('E\0\0\0\0', 'binary');
  head.writeInt32BE(Buffer.byteLength(fields) + 4, 1);
  return Buffer.concat([head, Buffer.from(fields)]);
}
