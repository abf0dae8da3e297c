// Small files that are there wholly or not at all, also after the power has failed: written beside
// their place, brought to the disk, put in place in one step, and only then counted on.

import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';

/** Read and written by the agent's user alone. */
const FILE_MODE = 0o600;
const BESIDE = '.beside-';

/**
 * Puts a value into a new file of that directory. Of several processes that do so at once, one
 * succeeds; it is on the disk when this returns.
 *
 * @returns false when the file is there already; it is left as it is.
 */
export async function writeOnce(directory: string, name: string, value: unknown): Promise<boolean> {
  const beside = await writeBeside(directory, value);
  try {
    await fs.link(beside, join(directory, name));
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await fs.rm(beside, { force: true });
  }
  await syncDirectory(directory);
  return true;
}

/** Puts a value in the place of what a file holds; it is on the disk when this returns. */
export async function replace(directory: string, name: string, value: unknown): Promise<void> {
  const beside = await writeBeside(directory, value);
  await fs.rename(beside, join(directory, name));
  await syncDirectory(directory);
}

/** What a file of JSON holds; null where there is none. */
export async function readValue<Value>(directory: string, name: string): Promise<Value | null> {
  try {
    return JSON.parse(await fs.readFile(join(directory, name), 'utf8')) as Value;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Brings the names in a directory to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether a name is one that a writer who was killed has left beside its place. */
export const isLeftBeside = (name: string): boolean => name.startsWith(BESIDE);

/** A name that nothing else has, for what is put in place later. */
export const besideName = (): string => `${BESIDE}${randomUUID()}`;

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

async function writeBeside(directory: string, value: unknown): Promise<string> {
  const path = join(directory, besideName());
  try {
    const handle = await fs.open(path, 'wx', FILE_MODE);
    try {
      await handle.writeFile(JSON.stringify(value));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await fs.rm(path, { force: true });
    throw error;
  }
  return path;
}
