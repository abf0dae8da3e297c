// The application's servers: each a process of one release, started and stopped for real.
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

export interface ServerSetup {
  readonly shards: ShardUrls;
  /** Where the package of 2.0 has put its bundle. */
  readonly bundleFile: string;
  /** Lines that servers write to their log. */
  onLog(line: string): void;
}

interface Running {
  readonly target: Target;
  readonly process: ChildProcess;
}

export class Servers {
  readonly #setup: ServerSetup;
  readonly #running = new Map<string, Running>();

  constructor(setup: ServerSetup) {
    this.#setup = setup;
  }

  /** The servers that may be asked, in order of their names. */
  targets(): Target[] {
    return [...this.#running.values()]
      .map(({ target }) => target)
      .sort((left, right) => (left.server < right.server ? -1 : 1));
  }

  /** The server of a release, whichever it is. */
  of(release: ReleaseName): Target | undefined {
    return this.targets().find((target) => target.release === release);
  }

  /** Resolves when the server listens. @throws Error with its last words when it does not start. */
  async start(server: string, release: ReleaseName): Promise<Target> {
    const { process, port } = await this.launch(server, release);
    const target = { server, release, port };
    this.#running.set(server, { target, process });
    return target;
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

function readable(stream: ChildProcess['stdout']): NonNullable<ChildProcess['stdout']> {
  if (stream === null) throw new TypeError('the process was started without a pipe');
  return stream;
}
