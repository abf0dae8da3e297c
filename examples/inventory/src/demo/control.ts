// What the host's agent may do to the application's servers: the stand-in for a machine's packages,
// services and load balancer. It listens on a socket; agents run `inventoryctl`, which asks it.

import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Call, HttpError, ok, router } from '../http/router.js';
import type { ReleaseName } from '../load/dialect.js';
import { ask } from '../load/http-client.js';
import { SERVERS, type Servers } from './servers.js';

export class Control {
  /** Servers whose health check says no. */
  readonly ill = new Set<string>();
  readonly #servers: Servers;
  readonly #onAct: (line: string) => void;

  constructor(servers: Servers, onAct: (line: string) => void) {
    this.#servers = servers;
    this.#onAct = onAct;
  }

  /**
   * Listens, and writes the program that asks.
   * @returns how to stop, and the program's file
   */
  async listen(directory: string): Promise<{ program: string; stop(): Promise<void> }> {
    const socket = join(directory, 'control.sock');
    const verb = (act: (server: string, release: ReleaseName) => Promise<void>) => {
      return async ({ params: { server = '' }, body: { release } }: Call) => {
        if (!(SERVERS as readonly string[]).includes(server)) {
          throw new HttpError(404, `there is no server ${server}`);
        }
        await act(server, release === '2.0' ? '2.0' : '1.0');
        return ok({ server });
      };
    };
    const routes = {
      'POST /servers/:server/drain': verb((server) => this.#drain(server)),
      'POST /servers/:server/upgrade': verb((server, release) => this.#install(server, release)),
      'POST /servers/:server/restart': verb((server) => this.#restart(server)),
      'POST /servers/:server/health': verb((server, release) => this.#health(server, release)),
      'POST /servers/:server/undrain': verb((server) => this.#undrain(server)),
    };
    const server = createServer(router(routes, {}));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, resolve);
    });
    const program = join(directory, 'inventoryctl');
    const script = fileURLToPath(new URL('inventoryctl.js', import.meta.url));
    const words = [process.execPath, script, socket].map((word) => `'${word}'`).join(' ');
    await writeFile(program, `#!/bin/sh\nexec ${words} "$@"\n`);
    await chmod(program, 0o755);
    const stop = () => new Promise<void>((resolve) => server.close(() => resolve()));
    return { program, stop };
  }

  async #drain(server: string): Promise<void> {
    await this.#servers.drain(server);
    this.#onAct(`${server} is drained`);
  }

  async #install(server: string, release: ReleaseName): Promise<void> {
    this.#servers.install(server, release);
    this.#onAct(`${server} has ${release} installed`);
  }

  async #restart(server: string): Promise<void> {
    await this.#servers.start(server);
    this.#onAct(`${server} runs ${this.#servers.running(server)?.release}`);
  }

  /** @throws HttpError when it is not well, or not of the release */
  async #health(server: string, release: ReleaseName): Promise<void> {
    const running = this.#servers.running(server);
    if (running === undefined) throw new HttpError(503, `${server} does not run`);
    if (this.ill.has(server)) throw new HttpError(503, `${server} says that it is not well`);
    const reply = await ask(running.port, 'GET', '/healthz');
    if (reply.status === 200 && reply.release === release) return;
    throw new HttpError(503, `${server} of ${reply.release} answered with ${reply.status}`);
  }

  async #undrain(server: string): Promise<void> {
    this.#servers.serve(server);
    this.#onAct(`${server} is in service`);
  }
}
