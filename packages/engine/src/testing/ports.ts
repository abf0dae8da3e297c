// A TCP port that a server can keep over restarts.
//
// Ports that the system hands out by itself (32768 and above on Linux, 49152 elsewhere) will not
// do: while the server is down, any client's outgoing connection may be given its port, and a
// client that tries to reconnect to it may even be connected to itself.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

const LOWEST_PORT = 15_000;
const HIGHEST_PORT = 30_000;

/** A port on which nobody listens at this moment. */
export async function freePort(host: string): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (await isFree(host, port)) return port;
  }
}

async function isFree(host: string, port: number): Promise<boolean> {
  const probe = createServer();
  probe.listen({ host, port, exclusive: true });
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
