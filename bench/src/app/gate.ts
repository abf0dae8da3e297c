// A way to a shard that can be shut: refused at once, or silent, as a network is that drops
// packets.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Gate {
  /** The address of the shard, through the gate. */
  readonly url: string;
  /** `open` lets through; `shut` breaks and refuses; `silent` takes everything, answers nothing. */
  set(mode: 'open' | 'shut' | 'silent'): void;
  close(): Promise<void>;
}

export async function openGate(url: string): Promise<Gate> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let mode = 'open';
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((from) => {
    keep(from);
    if (mode === 'shut') from.destroy();
    if (mode !== 'open') return;
    const to = connect(Number(target.port), target.hostname);
    keep(to);
    from.pipe(to).pipe(from);
    from.on('close', () => to.destroy());
    to.on('close', () => from.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(typeof address === 'object' ? address?.port : '');
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    set(next) {
      mode = next;
      if (next === 'silent') for (const socket of sockets) socket.unpipe().pause();
      else destroyAll();
    },
    async close() {
      destroyAll();
      server.close();
      await once(server, 'close');
    },
  };
}
