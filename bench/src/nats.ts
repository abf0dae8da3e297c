// A real nats-server with JetStream, for the benchmark and for tests: started on a free port with a
// directory of its own, killed and started again at will, gone at the end.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

export interface NatsServer {
  readonly url: string;
  /** SIGKILL; its files stay. */
  kill(): Promise<void>;
  /** Again on the same port; on the same files, unless they are to be lost. */
  restart(options?: { readonly empty: boolean }): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** @throws when there is no such program; it is in Debian's package nats-server. */
export async function startNats(): Promise<NatsServer> {
  const home = await mkdtemp(join(tmpdir(), 'halflap-nats-'));
  const first = await launch(home, '-1');
  const port = first.port;
  let child = first.child;
  return {
    url: `nats://127.0.0.1:${port}`,
    kill: () => end(child),
    async restart({ empty } = { empty: false }) {
      await end(child);
      if (empty) await rm(join(home, 'jetstream'), { recursive: true, force: true });
      ({ child } = await launch(home, port));
    },
    async stop() {
      await end(child);
      await rm(home, { recursive: true, force: true });
    },
  };
}

interface Launched {
  readonly child: ChildProcess;
  readonly port: string;
}

async function launch(home: string, wanted: string): Promise<Launched> {
  const where = ['-a', '127.0.0.1', '-p', wanted];
  const child = spawn('nats-server', [...where, '-js', '--store_dir', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Debian keeps it where ordinary users do not look.
    env: { PATH: `${process.env.PATH ?? ''}${delimiter}/usr/sbin` },
  });
  const failed = once(child, 'error').then(([cause]) => {
    throw new Error('nats-server cannot be run: apt-get install nats-server', { cause });
  });
  return { child, port: await Promise.race([failed, portOf(child)]) };
}

/** When it is ready, as its log tells; that is read on, so that it never waits for a reader. */
async function portOf(child: ChildProcess): Promise<string> {
  const seen: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface(child.stderr as NonNullable<ChildProcess['stderr']>)
      .on('line', (line) => {
        seen.push(line);
        if (!line.includes('Server is ready')) return;
        const [, port] = /client connections on 127\.0\.0\.1:(\d+)/.exec(seen.join('\n')) ?? [];
        resolve(port ?? '');
      })
      .on('close', () => reject(new Error(`nats-server has ended:\n${seen.join('\n')}`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
