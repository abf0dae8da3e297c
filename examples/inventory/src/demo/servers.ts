// The application's servers: each a process of one release, started and stopped for real, with the
// load balancer before them.
//
// Invariant: a server is told to stop only after the load balancer sends it nothing any more, as
// any rolling upgrade does it; the process then finishes what it has, and ends by itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ReleaseName } from '../load/dialect.js';
import type { Target } from '../load/messages.js';
import type { ShardUrls } from './shards.js';

export const SERVERS = ['app1', 'app2', 'app3'] as const;

export type ServerState = 'up' | 'draining' | 'down';

export interface ServerSetup {
  readonly shards: ShardUrls;
  /** Where the package of 2.0 has put its bundle, and its servers file. */
  readonly bundleFile: string;
  readonly serversFile: string;
  /** Lines that servers write to their log. */
  onLog(line: string): void;
}

/** What the load balancer is told. */
export interface Balancer {
  setTargets(targets: readonly Target[]): void;
  /** Resolves when nothing is on its way to the server. */
  drain(server: string): Promise<void>;
}

interface Running {
  readonly release: ReleaseName;
  readonly port: number;
  readonly process: ChildProcess;
}

export class Servers {
  readonly #setup: ServerSetup;
  readonly #balancer: Balancer;
  readonly #installed = new Map<string, ReleaseName>();
  readonly #running = new Map<string, Running>();
  readonly #served = new Set<string>();

  constructor(setup: ServerSetup, balancer: Balancer) {
    this.#setup = setup;
    this.#balancer = balancer;
  }

  /** The servers that may be asked, in order of their names. */
  targets(): Target[] {
    return [...this.#running]
      .filter(([server]) => this.#served.has(server))
      .map(([server, { release, port }]) => ({ server, release, port }))
      .sort((left, right) => (left.server < right.server ? -1 : 1));
  }

  /** The server of a release, whichever it is. */
  of(release: ReleaseName): Target | undefined {
    return this.targets().find((target) => target.release === release);
  }

  /** What runs: it may be drained. */
  running(server: string): Pick<Running, 'release' | 'port'> | undefined {
    return this.#running.get(server);
  }

  /** All of them, as they are now. */
  shown(): { readonly name: string; readonly release: string; readonly state: ServerState }[] {
    return SERVERS.map((name) => {
      const running = this.#running.get(name);
      const inService = this.#served.has(name) ? 'up' : 'draining';
      return {
        name,
        release: running?.release ?? '',
        state: running === undefined ? 'down' : inService,
      };
    });
  }

  /** What the next start runs: a package that is unpacked beside what runs. */
  install(server: string, release: ReleaseName): void {
    this.#installed.set(server, release);
  }

  /** Resolves when it listens. @throws Error with its last words when it does not start. */
  async start(server: string): Promise<void> {
    await this.stop(server);
    const release = this.#installed.get(server);
    if (release === undefined) throw new Error(`nothing is installed for ${server}`);
    this.#running.set(server, { release, ...(await this.launch(server, release)) });
  }

  /** Takes it into service. */
  serve(server: string): void {
    this.#served.add(server);
    this.#balancer.setTargets(this.targets());
  }

  /** Takes it out of service. Resolves when it has nothing to do any more. */
  async drain(server: string): Promise<void> {
    this.#served.delete(server);
    this.#balancer.setTargets(this.targets());
    await this.#balancer.drain(server);
  }

  /** Resolves when the process is gone. */
  async stop(server: string): Promise<void> {
    const running = this.#running.get(server);
    this.#running.delete(server);
    if (running !== undefined) await end(running.process);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((server) => this.stop(server)));
  }

  /** A process that no load balancer knows. The caller ends it. */
  async launch(
    server: string,
    release: ReleaseName,
  ): Promise<{ process: ChildProcess; port: number }> {
    const main = fileURLToPath(new URL(`../service-${release}/main.js`, import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: {
        ...process.env,
        INVENTORY_SERVER: server,
        INVENTORY_SHARDS: JSON.stringify(this.#setup.shards),
        INVENTORY_BUNDLE: this.#setup.bundleFile,
        INVENTORY_SERVERS_FILE: this.#setup.serversFile,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let lastWords = '';
    createInterface({ input: readable(child.stderr) }).on('line', (line) => {
      lastWords = line;
      this.#setup.onLog(line);
    });
    const lines = createInterface({ input: readable(child.stdout) });
    const first = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
    if (child.exitCode !== null) {
      throw new Error(`server ${server} of ${release} did not start: ${lastWords}`);
    }
    return { process: child, port: Number(JSON.parse(String(first[0])).port) };
  }
}

/** Asks a process to end, and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(timer);
}

/** A server that has not finished its requests by then is stuck. */
const STOP_TIMEOUT_MS = 15_000;

/** @throws TypeError for a process that was started without it */
export function readable(stream: ChildProcess['stdout']): NonNullable<ChildProcess['stdout']> {
  if (stream === null) throw new TypeError('the process was started without a pipe');
  return stream;
}
