// Looks at a file and changes nothing. Symbolic links are followed, as every program on the host
// would; a link that leads nowhere counts as no file. Contents are read of regular files only, as a
// stream: a device or a pipe has no end. What was found is opened once, so that all that is said is
// said of the same file.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { codeOf } from '../durable.js';
import {
  failed,
  INTERRUPTED,
  type Outcome,
  PATH,
  succeeded,
  type WorkHost,
  type WorkOf,
} from './work.js';

type Expected = WorkOf<'file'>;

const CHUNK_BYTES = 1024 * 1024;
/** No waiting for the other end of a pipe. */
const OPEN = constants.O_RDONLY | constants.O_NONBLOCK;
/** Besides the bits for reading, writing and running: set-uid, set-gid, sticky. */
const MODE_BITS = 0o7777;

const ask = promisify(execFile);

export async function lookAtFile(work: Expected, host: WorkHost): Promise<Outcome> {
  const stats = await fs.stat(work.path).catch((error: Error) => error);
  if (stats instanceof Error) return notThere(work, stats);
  const differences =
    work.exists === false ? ['it exists'] : await differencesOf(work, stats, host.signal);
  if (differences === null) return INTERRUPTED;
  for (const difference of differences) host.say(`${work.path}: ${difference}`);
  if (differences.length === 0) return succeeded(`${work.path} is as expected`, null);
  return failed(`${work.path} is not as expected: ${differences.join('; ')}`);
}

async function notThere({ path, exists }: Expected, error: Error): Promise<Outcome> {
  const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
  if (!isMissing) return failed(`${path} cannot be looked at: ${error.message}`);
  const target = await fs.readlink(path).catch(() => null);
  const why = target === null ? 'does not exist' : `is a link to ${target}, which does not exist`;
  return exists === false ? succeeded(`${path} ${why}`, null) : failed(`${path} ${why}`);
}

/** Null when the work was to end before everything was read. */
async function differencesOf(
  work: Expected,
  stats: Stats,
  signal: AbortSignal,
): Promise<string[] | null> {
  const differences: string[] = [];
  const mode = stats.mode & MODE_BITS;
  if (work.mode !== undefined && Number.parseInt(work.mode, 8) !== mode) {
    differences.push(`its mode is ${mode.toString(8).padStart(4, '0')}, not ${work.mode}`);
  }
  if (work.owner !== undefined) {
    const owner = await ownerOf(stats.uid);
    const isOwner = owner === work.owner || String(stats.uid) === work.owner;
    if (!isOwner) differences.push(`its owner is ${owner}, not ${work.owner}`);
  }
  if (work.sha256 === undefined && work.contains === undefined) return differences;
  if (!stats.isFile()) return [...differences, 'it is no regular file, so nothing reads it'];
  const found = await readThrough(work, signal).catch((error: Error) => error);
  if (found === null) return null;
  if (found instanceof Error) return [...differences, `it cannot be read: ${found.message}`];
  if (work.sha256 !== undefined && work.sha256 !== found.sha256) {
    differences.push(`its SHA-256 is ${found.sha256}`);
  }
  if (!found.contains) differences.push('it does not contain the text');
  return differences;
}

interface Found {
  readonly sha256: string;
  readonly contains: boolean;
}

async function readThrough(work: Expected, signal: AbortSignal): Promise<Found | null> {
  const wanted = Buffer.from(work.contains ?? '', 'utf8');
  const hash = createHash('sha256');
  const file = await fs.open(work.path, OPEN);
  try {
    if (!(await file.stat()).isFile()) throw new Error('it was replaced by no regular file');
    let contains = wanted.length === 0;
    let before: Buffer = Buffer.alloc(0);
    for (const chunk = Buffer.alloc(CHUNK_BYTES); ; ) {
      if (signal.aborted) return null;
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) return { sha256: hash.digest('hex'), contains };
      const read = chunk.subarray(0, bytesRead);
      hash.update(read);
      if (contains) continue;
      const both = Buffer.concat([before, read]);
      contains = both.includes(wanted);
      // A text may begin in one chunk and end in the next.
      before = both.subarray(Math.max(0, both.length - wanted.length + 1));
    }
  } finally {
    await file.close();
  }
}

/** His name, or his number where the host has none. */
async function ownerOf(uid: number): Promise<string> {
  const found = await ask('getent', ['passwd', String(uid)], { env: { PATH } }).catch(() => null);
  return found?.stdout.split(':')[0] ?? String(uid);
}
