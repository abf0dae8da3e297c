// The directory in which an agent keeps what must outlast it: its key, who it is, the fence.
//
// Invariant: a file is there wholly or not at all, also after the power has failed, and nobody but
// the agent's user reads the directory. Whoever finds it otherwise is told, and nothing runs: what
// others could read, others may have read.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { HalflapError } from '@halflap/protocol';
import { isLeftBeside } from '../durable.js';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** Any right of the group or of others. */
const LOOSE = 0o077;
/** Ends the name of what is being written. */
const BESIDE = '.new';

/** Written seldom and read at the start: each call waits for the disk. */
export class StateDirectory {
  readonly path: string;

  /**
   * Makes the directory where there is none.
   *
   * @throws AGENT_STATE_INVALID when somebody else owns or may read it.
   */
  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    assertPrivate(path);
    // Left by an agent that ended while it wrote.
    for (const name of readdirSync(path)) {
      if (name.endsWith(BESIDE) || isLeftBeside(name)) rmSync(join(path, name));
    }
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  /** What a file holds; null where there is none. @throws AGENT_STATE_INVALID */
  read(name: string): string | null {
    const path = this.pathOf(name);
    try {
      assertPrivate(path);
      return readFileSync(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Puts a text in the place of what a file holds; it is on the disk when this returns. */
  write(name: string, text: string): void {
    const beside = this.pathOf(`${name}${BESIDE}`);
    const file = openSync(beside, 'w', FILE_MODE);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, this.pathOf(name));
    this.#sync();
  }

  /** Brings the names to the disk. */
  #sync(): void {
    const directory = openSync(this.path, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  }
}

function assertPrivate(path: string): void {
  const { mode, uid } = statSync(path);
  const user = process.getuid?.();
  if (uid !== user) {
    throw new HalflapError('AGENT_STATE_INVALID', `${path} belongs to user ${uid}, not ${user}`, {
      detail: { file: path },
      hint: `run the agent as the user who owns it, or: chown ${user} ${path}`,
    });
  }
  if ((mode & LOOSE) === 0) return;
  const found = (mode & 0o777).toString(8);
  throw new HalflapError('AGENT_STATE_INVALID', `${path} has mode ${found}: others may use it`, {
    detail: { file: path },
    hint: `find out who has read it; then chmod go-rwx ${path}`,
  });
}
