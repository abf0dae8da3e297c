// Stands between a client and a server, and loses answers or gives others.

import { type AddressInfo, connect, createServer, type Server } from 'node:net';

/** As a server says that a shard moves a host just now. */
const PROBLEM = JSON.stringify({ code: 'STORE_UNAVAILABLE', detail: 'a shard is away' });
export const UNAVAILABLE = [
  'HTTP/1.1 503 Service Unavailable',
  'content-type: application/problem+json; charset=utf-8',
  `content-length: ${PROBLEM.length}`,
  'retry-after: 0',
  'connection: close',
  '',
  PROBLEM,
].join('\r\n');

/**
 * Passes bytes to the server; of the first connections only the request, which is answered with
 * `answer` or not at all.
 */
export async function breakingProxy(
  server: string,
  times: number,
  answer?: string,
): Promise<Server> {
  let left = times;
  const proxy = createServer((client) => {
    const upstream = connect(Number(new URL(server).port), '127.0.0.1');
    const isCut = left > 0;
    left -= 1;
    client.pipe(upstream);
    if (isCut && answer !== undefined) client.once('data', () => client.end(answer));
    else if (isCut) upstream.once('data', () => client.destroy());
    else upstream.pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}

export function addressOf(proxy: Server): string {
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
