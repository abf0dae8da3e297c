// The life of a server process: starts, says on standard output where it listens, and on SIGTERM or
// SIGINT finishes the requests in flight before it goes.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Service {
  readonly listener: Parameters<typeof createServer>[1];
  /** Gives back pools, leases and timers; called when the last request is answered. */
  close(): Promise<void>;
}

export interface Running {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves on 127.0.0.1. `close` refuses new connections, lets requests in flight end, then
 * closes.
 */
export async function listen(service: Service, port: number): Promise<Running> {
  const server = createServer(service.listener);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      await closed(server);
      await service.close();
    },
  };
}

/** For `main.ts`: runs until told to stop, and ends the process by letting go of everything. */
export async function serve(service: Service, port: number): Promise<void> {
  const running = await listen(service, port);
  process.stdout.write(`${JSON.stringify({ port: running.port })}\n`);
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    void running.close().finally(() => {
      // The channel to the parent would keep the process alive.
      if (process.connected) process.disconnect();
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // The parent's end of the pipe closes when the parent dies, however it dies.
  process.on('disconnect', stop);
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeIdleConnections();
  });
}
