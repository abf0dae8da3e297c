// Keeps the files of a test run in memory where the machine has room: hundreds of databases are
// created and dropped, and a file system on disk takes a third of the run for that.

import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const MEMORY = '/dev/shm';

/** Several times what a run has been seen to hold at once. */
const ROOM_BYTES = 2 * 2 ** 30;

export default async function keepFilesInMemory(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TMPDIR !== undefined || !(await hasRoom())) return undefined;
  const directory = await mkdtemp(join(MEMORY, 'halflap-test-'));
  // Servers run as another user where the tests run as root.
  await chmod(directory, 0o755);
  // The test files' processes, and all that they start, get the environment from here.
  process.env.TMPDIR = directory;
  return () => rm(directory, { recursive: true, force: true });
}

async function hasRoom(): Promise<boolean> {
  const free = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  return free >= ROOM_BYTES;
}
