// Live views: server-sent events (WHATWG HTML, section 9.2).
//
// Invariant: nothing is kept for a client beyond what its connection holds, up to a limit. A client
// that reads more slowly than that is cut off, and comes back with `Last-Event-ID`.

import type { FastifyReply } from 'fastify';
import type { Live, LiveEvent } from './route.js';

export interface StreamLimits {
  readonly heartbeatMs: number;
  readonly unreadBytes: number;
}

/**
 * Sends what `body` sends until it returns, the client goes or `ending` ends. Never throws after
 * the answer has begun: an error ends the connection, and is given to `onError`.
 */
export async function streamEvents(
  reply: FastifyReply,
  { ending, limits }: { readonly ending: AbortController; readonly limits: StreamLimits },
  body: (live: Live) => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  const { raw } = reply;
  const headers = reply.getHeaders() as Record<string, string>;
  reply.hijack();
  raw.writeHead(200, { ...headers, ...HEADERS });
  raw.on('close', () => ending.abort());
  const write = (text: string): boolean => {
    if (ending.signal.aborted) return false;
    raw.write(text);
    if (raw.writableLength <= limits.unreadBytes) return true;
    ending.abort();
    return false;
  };
  write(': open\n\n');
  const heartbeat = setInterval(() => write(': alive\n\n'), limits.heartbeatMs);
  const lastEventId = reply.request.headers['last-event-id'];
  const isCutOff = ended(ending.signal);
  try {
    const work = body({
      lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
      send: (event) => write(textOf(event)),
    });
    await Promise.race([work, isCutOff]);
  } catch (error) {
    onError(error);
  } finally {
    clearInterval(heartbeat);
    if (ending.signal.aborted) raw.destroy();
    else raw.end();
    ending.abort();
  }
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
