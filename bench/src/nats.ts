// A nats-server for the benchmark, where the machine has one.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Nats {
  readonly url: string;
  stop(): Promise<void>;
}

/** On a free port, with JetStream; null where there is no such program. */
export async function startNats(): Promise<Nats | null> {
  const home = await mkdtemp(join(tmpdir(), 'halflap-nats-'));
  const ports = ['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', home];
  const child = spawn('nats-server', [...ports, '-js', '--store_dir', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // Debian keeps it where ordinary users do not look.
    env: { PATH: `${process.env.PATH ?? ''}${delimiter}/usr/sbin` },
  });
  const isThere = await Promise.race([
    once(child, 'error').then(() => false),
    once(
      createInterface(child.stderr).on('line', () => {}),
      'line',
    ).then(() => true),
  ]);
  const stop = async () => {
    if (isThere && child.exitCode === null) {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    }
    await rm(home, { recursive: true, force: true });
  };
  if (!isThere) {
    await stop();
    return null;
  }
  const file = join(home, `nats-server_${child.pid}.ports`);
  // It writes the file once it listens.
  let text = '';
  while (text === '') text = await readFile(file, 'utf8').catch(() => '');
  const { nats } = JSON.parse(text) as { nats: string[] };
  return { url: nats[0] ?? '', stop };
}
