// The host that is looked at, and how its files are read. What cannot be read is not there: an
// agent tells what it can see, whatever runs it.

import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from './log.js';

/** A host, as its agent reaches it. */
export interface Host {
  /** Where its files are: `/`, or the root of a host that is looked at from outside. */
  readonly root: string;
  /**
   * Stands before each program, and leads to where `root` is `/`: `nsenter …`, `chroot …`. Empty:
   * programs run here, and those that can are told `root`.
   */
  readonly enter: readonly string[];
  readonly log: Log;
  /** Ends what is being asked; then nothing is found out any more. */
  readonly signal?: AbortSignal;
}

/** The root that programs are to be told. */
export const rootOfPrograms = (host: Host): string => (host.enter.length > 0 ? '/' : host.root);

/** As much as is read of any file. */
const LIMIT_BYTES = 32 * 1024 * 1024;

/** What a file of the host holds; null where there is none, or it cannot be read. */
export async function readText(host: Host, path: string): Promise<string | null> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(join(host.root, path), 'r');
  } catch {
    return null;
  }
  try {
    if ((await file.stat()).size > LIMIT_BYTES) return null;
    return await file.readFile('utf8');
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

/** Names in a directory of the host, sorted; none where there is no such directory. */
export async function namesIn(host: Host, path: string): Promise<string[]> {
  try {
    return (await fs.readdir(join(host.root, path))).sort();
  } catch {
    return [];
  }
}

/** Whether something of that name is there: a file, a directory, a link to anywhere. */
export async function isThere(host: Host, path: string): Promise<boolean> {
  try {
    await fs.lstat(join(host.root, path));
    return true;
  } catch {
    return false;
  }
}
