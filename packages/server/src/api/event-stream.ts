// Live views: server-sent events (WHATWG HTML, section 9.2).
//
// Invariant: nothing is kept for a client beyond what its connection holds, up to a limit and one
// event. A client that reads more slowly than that is cut off, and comes back with `Last-Event-ID`.

import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import type { LiveEvent, Sender } from './route.js';

export interface Stream {
  readonly reply: FastifyReply;
  /** Ends the view; ended when it is over. */
  readonly ending: AbortController;
  readonly send: Sender;
  /** Between two signs of life, in ms. */
  readonly heartbeatMs: number;
  readonly unreadBytes: number;
  /** Asked with each sign of life: whether the client still may see this. */
  mayGoOn(): Promise<boolean>;
  onError(error: unknown): void;
}

/**
 * Sends what `send` sends until it returns, the client goes or `ending` ends. Never throws: an
 * error ends the connection.
 */
export async function streamEvents(stream: Stream): Promise<void> {
  const { reply, ending, send } = stream;
  const { raw } = reply;
  const headers = reply.getHeaders() as Record<string, string>;
  reply.hijack();
  raw.writeHead(200, { ...headers, ...HEADERS });
  const write = (text: string): boolean => {
    if (ending.signal.aborted) return false;
    // Before the event, which may be long itself and come to a client that reads quickly.
    const isRead = raw.writableLength <= stream.unreadBytes;
    if (isRead) raw.write(text);
    else ending.abort();
    return isRead;
  };
  write(': open\n\n');
  const heartbeat = setInterval(async () => {
    write(': alive\n\n');
    if (!(await stream.mayGoOn())) ending.abort();
  }, stream.heartbeatMs);
  const lastEventId = reply.request.headers['last-event-id'];
  const work = async () =>
    send({
      lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
      send: (event) => write(textOf(event)),
      async room() {
        const { signal } = ending;
        if (raw.writableNeedDrain) await once(raw, 'drain', { signal }).catch(() => {});
      },
    });
  try {
    await Promise.race([work(), ended(ending.signal)]);
  } catch (error) {
    stream.onError(error);
    ending.abort();
  }
  clearInterval(heartbeat);
  // What was cut off must not look like what has ended.
  if (ending.signal.aborted) raw.destroy();
  else raw.end();
  ending.abort();
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // Proxies that would collect the answer before they pass it on: nginx.
  'x-accel-buffering': 'no',
};

/** JSON has no line breaks of its own, so one `data` line holds it. */
function textOf({ id, event, data }: LiveEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${oneLine(id)}`]),
    `event: ${oneLine(event)}`,
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, ' ');
}

function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}
