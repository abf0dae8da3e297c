// How many connections may begin at once. After a server has died thousands of agents come at the
// same moment, and a TLS handshake costs a thousand times what a heartbeat does: they wait in the
// order in which they came, unread, while those who are in already are served.

import { createServer, type Server, type Socket } from 'node:net';

export interface AdmissionOptions {
  /** Handshakes that begin in a second. */
  readonly perSecond: number;
  /** Connections that wait for theirs; a later one is closed at once. */
  readonly waiting: number;
  /** Takes a connection over. */
  readonly admit: (socket: Socket) => void;
}

/** How often waiting connections are looked at. */
const TICK_MS = 20;

/** A listener in front of the endpoint. Its `listen` and `close` are those of any server. */
export function createAdmission({ perSecond, waiting, admit }: AdmissionOptions): Server {
  const queue: Socket[] = [];
  // So much may begin at once after a quiet time.
  const most = Math.max(1, perSecond / 5);
  let left = most;
  const timer = setInterval(() => {
    left = Math.min(most, left + (perSecond * TICK_MS) / 1000);
    while (left >= 1 && queue.length > 0) begin(queue.shift());
  }, TICK_MS);
  timer.unref();
  const begin = (socket: Socket | undefined) => {
    if (socket === undefined || socket.destroyed) return;
    left -= 1;
    socket.removeListener('error', ignore);
    admit(socket);
  };
  const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
    socket.on('error', ignore);
    if (queue.length === 0 && left >= 1) begin(socket);
    else if (queue.length < waiting) queue.push(socket);
    else socket.destroy();
  });
  server.on('close', () => {
    clearInterval(timer);
    for (const socket of queue) socket.destroy();
  });
  return server;
}

/** Whoever gives up while he waits is not answered. */
function ignore(): void {}
