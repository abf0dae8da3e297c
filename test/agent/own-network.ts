// Processes in network namespaces of their own, each with one link to this machine, which a test
// cuts and restores. Addresses are of the networks for tests (RFC 2544), names of this process'
// number.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

export interface OwnNetwork {
  /** Of this machine, as the process sees it. */
  readonly gateway: string;
  /** Starts the one program of this network; its standard output is to be read. */
  run(program: string, ...args: readonly string[]): ChildProcess;
  /** Nothing comes through any more, and nobody is told. */
  cut(): void;
  restore(): void;
  /** Ends the program by SIGKILL, and the network with it. */
  end(): Promise<void>;
}

/** Null where this machine lets us make such networks; otherwise why not. */
export function whyNoNetworks(): string | null {
  const [name, peer] = [`hf${process.pid}t`, `hf${process.pid}u`];
  try {
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', peer);
    ip('link', 'delete', name);
    execFileSync('unshare', ['--net', '--uts', 'true'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `no network namespaces here: ${(error as Error).message.trim()}`;
  }
}

/** @param number 0 or 1: which of the networks of this process. */
export async function openNetwork(number: 0 | 1, hostname: string): Promise<OwnNetwork> {
  const link = `hf${process.pid}${'ab'[number]}`;
  const [third, fourth] = [(process.pid >> 6) & 255, (process.pid & 63) * 4];
  const gateway = `198.${18 + number}.${third}.${fourth + 1}`;
  const own = `198.${18 + number}.${third}.${fourth + 2}`;
  // It waits for its link, then becomes the program. The namespace is that of this one process.
  const script = 'hostname "$1" && echo ready && read -r _ && shift && exec "$@"';
  let child: ChildProcess | undefined;
  const start = (program: readonly string[]) => {
    const args = ['--net', '--uts', 'sh', '-c', script, 'sh', hostname, ...program];
    child = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    return child;
  };
  return {
    gateway,
    run(program, ...args) {
      const started = start([program, ...args]);
      started.stdout?.once('data', () => {
        const inside = ['--target', String(started.pid), '--net', '--', 'ip'];
        ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${started.pid}`);
        ip('address', 'add', `${gateway}/30`, 'dev', link);
        ip('link', 'set', link, 'up');
        execFileSync('nsenter', [...inside, 'address', 'add', `${own}/30`, 'dev', 'eth0']);
        execFileSync('nsenter', [...inside, 'link', 'set', 'eth0', 'up']);
        started.stdin?.write('go\n');
      });
      return started;
    },
    cut: () => ip('link', 'set', link, 'down'),
    restore: () => ip('link', 'set', link, 'up'),
    async end() {
      if (child === undefined) return;
      if (child.exitCode === null && child.signalCode === null) {
        const exit = once(child, 'exit');
        child.kill('SIGKILL');
        await exit;
      }
      // A connection that still waits for an answer would keep the network for minutes.
      spawnSync('ip', ['link', 'delete', link], { stdio: 'ignore' });
    },
  };
}

function ip(...words: readonly string[]): void {
  execFileSync('ip', [...words], { stdio: 'pipe' });
}
