// Stands between a client and a server, and loses answers or gives others.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

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
  return listening((client, upstream) => {
    const isCut = left > 0;
    left -= 1;
    client.pipe(upstream);
    if (isCut && answer !== undefined) client.once('data', () => client.end(answer));
    else if (isCut) upstream.once('data', () => client.destroy());
    else upstream.pipe(client);
  }, server);
}

/** Passes bytes to the server, and cuts the first connection on which it answers with the text. */
export async function cuttingProxy(server: string, text: string): Promise<Server> {
  let isCut = false;
  return listening((client, upstream) => {
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      client.write(bytes);
      if (isCut || !bytes.includes(text)) return;
      isCut = true;
      client.destroySoon();
    });
  }, server);
}

export function addressOf(proxy: Server): string {
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

async function listening(
  pass: (client: Socket, upstream: Socket) => void,
  server: string,
): Promise<Server> {
  const proxy = createServer((client) => {
    const upstream = connect(Number(new URL(server).port), '127.0.0.1');
    pass(client, upstream);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return proxy;
}
