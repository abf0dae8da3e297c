// A real nats-server with JetStream: started on a free port with a directory of its own, killed and
// started again at will, gone at the end.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findPrograms } from '../setup/programs.js';

export interface NatsServer {
  readonly url: string;
  /** SIGKILL; its files stay. */
  kill(): Promise<void>;
  /** Again on the same port; on the same files, unless they are to be lost. */
  restart(options?: { readonly empty: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/** The program is in Debian's package nats-server; a machine without it fails the test. */
export async function startNatsServer(): Promise<NatsServer> {
  const home = await mkdtemp(join(tmpdir(), 'halflap-nats-'));
  // Debian keeps it where ordinary users do not look.
  const [program = '/usr/sbin/nats-server'] = await findPrograms('nats-server');
  let port = -1;
  let child = await launch(program, home, port);
  port = await portOf(home, child);
  return {
    url: `nats://127.0.0.1:${port}`,
    async kill() {
      await end(child, 'SIGKILL');
    },
    async restart({ empty } = { empty: false }) {
      await end(child, 'SIGKILL');
      if (empty) await rm(join(home, 'jetstream'), { recursive: true, force: true });
      child = await launch(program, home, port);
    },
    async stop() {
      await end(child, 'SIGKILL');
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function launch(program: string, home: string, port: number): Promise<ChildProcess> {
  const files = ['--store_dir', home, '--ports_file_dir', home];
  const child = spawn(program, ['-a', '127.0.0.1', '-p', String(port), '-js', ...files], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const failed = once(child, 'error').then(([cause]) => {
    throw new Error('nats-server cannot be run: apt-get install nats-server', { cause });
  });
  await Promise.race([failed, isReady(child)]);
  return child;
}

/** It says so in its log, which is then read on, so that it never waits for a reader. */
async function isReady(child: ChildProcess): Promise<void> {
  if (child.stderr === null) throw new Error('nats-server has no log');
  const lines = createInterface(child.stderr);
  const seen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      seen.push(line);
      if (line.includes('Server is ready')) resolve();
    });
    lines.on('close', () => reject(new Error(`nats-server has ended:\n${seen.join('\n')}`)));
  });
}

async function portOf(home: string, child: ChildProcess): Promise<number> {
  const text = await readFile(join(home, `nats-server_${child.pid}.ports`), 'utf8');
  const { nats } = JSON.parse(text) as { nats: string[] };
  return Number(new URL(nats[0] ?? '').port);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
