// A real systemd with a journal for tests, as the first process of its own namespaces: it has its
// own root, processes, network and control group, and sees nothing of the machine's. It needs
// systemd's package, util-linux, and the right to make a control group.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./own-systemd.sh', import.meta.url));

/** Units that every systemd wants, and one that says when all of them are up. */
const UNITS: Readonly<Record<string, string>> = {
  'sysinit.target': '[Unit]\nDescription=Before all\nDefaultDependencies=no\n',
  'shutdown.target': '[Unit]\nDescription=The end\nDefaultDependencies=no\n',
  'basic.target': [
    '[Unit]\nDescription=All\nDefaultDependencies=no',
    'Wants=systemd-journald.service ready.service\n',
  ].join('\n'),
  'ready.service': [
    '[Unit]\nDescription=Says that all is up\nAfter=systemd-journald.service',
    '[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo up >/dev/ready"\n',
  ].join('\n'),
};

export interface OwnSystemd {
  /** Where its files are, seen from here. */
  readonly root: string;
  /** What leads a program to it. */
  readonly enter: readonly string[];
  /** Resolves when it has gone down by itself, or was stopped. */
  readonly down: Promise<unknown>;
  stop(): Promise<void>;
}

/** What a machine without these rights refuses. */
const TRIAL = 'mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mount -t proc proc /mnt';

/** Whether this machine has systemd, and lets us start one of its own. */
export function canStartSystemd(): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/usr/lib/systemd/systemd')) return false;
  try {
    rmdirSync(mkdtempSync(ownGroup()));
    execFileSync('unshare', [...NAMESPACES, '--fork', 'sh', '-c', TRIAL], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Resolves when systemd has started what it starts by itself.
 *
 * @param units by their name
 * @param state what it has under /state, and the next one after it; empty where nothing is said.
 */
export async function startSystemd(
  units: Readonly<Record<string, string>>,
  state?: string,
): Promise<OwnSystemd> {
  const directory = await fs.mkdtemp(join(tmpdir(), 'halflap-systemd-'));
  for (const name of ['root', 'units']) await fs.mkdir(join(directory, name));
  if (state === undefined) await fs.mkdir(join(directory, 'state'));
  else await fs.symlink(state, join(directory, 'state'));
  for (const [name, text] of Object.entries({ ...UNITS, ...units })) {
    await fs.writeFile(join(directory, 'units', name), text);
  }
  const pipe = join(directory, 'ready');
  execFileSync('mkfifo', [pipe]);
  const group = await fs.mkdtemp(ownGroup());
  const child = startIn(group, directory);
  const down = once(child, 'exit');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      await killIn(group, child);
      await down;
    }
    await removeGroup(group);
    await fs.rm(directory, { recursive: true });
  };
  try {
    await upOrEnded(child, pipe);
    const [id] = (await fs.readFile(join(group, 'init.scope/cgroup.procs'), 'utf8')).split('\n');
    const enter = ['nsenter', '--all', '--target', `${id}`];
    return { root: `/proc/${id}/root`, enter, down, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const NAMESPACES = [
  ...['--user', '--map-root-user', '--pid', '--net', '--mount', '--uts', '--ipc', '--cgroup'],
] as const;

function startIn(group: string, directory: string): ChildProcess {
  const own = ['unshare', ...NAMESPACES, '--fork', '--kill-child=KILL', 'sh', SCRIPT];
  const enter = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"';
  return spawn('sh', ['-c', enter, 'sh', group, ...own, directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Waits for a line in the pipe; one that ends before gets a word from here. */
async function upOrEnded(child: ChildProcess, path: string): Promise<void> {
  const said: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk));
  // Open for both, so that opening waits for nobody.
  const pipe = await fs.open(path, 'r+');
  const ended = () => void pipe.write('ended\n');
  child.once('exit', ended);
  try {
    const { buffer, bytesRead } = await pipe.read(Buffer.alloc(16));
    const word = buffer.subarray(0, bytesRead).toString();
    if (word !== 'up\n') throw new Error(`systemd has ended: ${Buffer.concat(said)}`);
  } finally {
    child.off('exit', ended);
    await pipe.close();
  }
}

/** Below this process' own control group, of the hierarchy that systemd wants. */
function ownGroup(): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  const mount = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  if (mount === undefined || own === undefined) throw new Error('there are no control groups');
  return join(mount, own, 'halflap-test-');
}

/**
 * All but unshare, which takes leave when systemd has; with the first process of a namespace all
 * others in it end, and it ends last.
 */
async function killIn(group: string, unshare: ChildProcess): Promise<void> {
  const ids = (await processesIn(group)).filter((id) => id !== unshare.pid);
  if (ids.length === 0) unshare.kill('SIGKILL');
  for (const id of ids) {
    try {
      process.kill(id, 'SIGKILL');
    } catch {
      // It has ended with the one before.
    }
  }
}

async function processesIn(group: string): Promise<number[]> {
  const entries = await fs.readdir(group, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(group, name));
  const inner = await Promise.all(below.map(processesIn));
  const ids = (await fs.readFile(join(group, 'cgroup.procs'), 'utf8')).split('\n');
  return [...ids.filter((id) => id !== '').map(Number), ...inner.flat()];
}

async function removeGroup(path: string): Promise<void> {
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  }
  await fs.rmdir(path);
}
