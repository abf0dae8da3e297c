// Keeps the files of a test run in memory where the machine has room: hundreds of databases are
// created and dropped, and a file system on disk takes a third of the run for that.
//
// The directory says which process it belongs to, so that the next run takes away what one that was
// killed has left.

import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const MEMORY = '/dev/shm';
const PREFIX = 'halflap-test-';

/** Several times what a run has been seen to hold at once. */
const ROOM_BYTES = 2 * 2 ** 30;

export default async function keepFilesInMemory(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TMPDIR !== undefined || !(await hasRoom())) return undefined;
  await removeLeftovers();
  const directory = await mkdtemp(join(MEMORY, `${PREFIX}${process.pid}-`));
  // Servers run as another user where the tests run as root.
  await chmod(directory, 0o755);
  // The test files' processes, and all that they start, get the environment from here.
  process.env.TMPDIR = directory;
  return () => rm(directory, { recursive: true, force: true });
}

async function removeLeftovers(): Promise<void> {
  const left = (await readdir(MEMORY)).filter((entry) => {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(entry)?.[1];
    return owner !== undefined && !isAlive(Number(owner));
  });
  for (const entry of left) await rm(join(MEMORY, entry), { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive as well.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function hasRoom(): Promise<boolean> {
  const free = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free >= ROOM_BYTES;
}
