// A PostgreSQL of this machine's own for a server without a configuration: two shards and a secret,
// in one directory that stays. Whoever has the directory has everything.

import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { keptUrls, startKept } from '@halflap/engine/testing';

export interface OwnDatabases {
  readonly shards: readonly { readonly name: string; readonly url: string }[];
  /** In hexadecimal digits. */
  readonly secret: string;
  /** A server runs on them, which stops them. */
  readonly isInUse: boolean;
  stop(): Promise<void>;
}

/** Names of the shards, and of their databases. */
const SHARDS = ['s1', 's2'] as const;

/** @throws SCRATCH_UNAVAILABLE when PostgreSQL does not start. */
export async function ownDatabases(directory: string): Promise<OwnDatabases> {
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const secret = await ownSecret(join(directory, 'secret'));
  const server = await startKept(join(directory, 'postgres'));
  try {
    for (const name of SHARDS) await server.ensureDatabase(name);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const shards = SHARDS.map((name) => ({ name, url: server.url(name) }));
  return { shards, secret, isInUse: server.isOthers, stop: () => server.stop() };
}

/** The same as they were left, without starting anything; undefined where there are none. */
export async function knownDatabases(
  directory: string,
): Promise<Pick<OwnDatabases, 'shards' | 'secret'> | undefined> {
  const url = await keptUrls(join(directory, 'postgres'));
  const secret = await readFile(join(directory, 'secret'), 'utf8').catch(() => undefined);
  if (url === undefined || secret === undefined) return undefined;
  return { shards: SHARDS.map((name) => ({ name, url: url(name) })), secret: secret.trim() };
}

async function ownSecret(file: string): Promise<string> {
  const found = await readFile(file, 'utf8').catch(() => undefined);
  if (found !== undefined) return found.trim();
  const secret = randomBytes(32).toString('hex');
  await writeFile(`${file}.new`, `${secret}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return secret;
}

/** Where a system keeps what services know, or what programs of a user do. */
export function defaultData(): string {
  if (process.getuid?.() === 0) return '/var/lib/halflap';
  const state = process.env.XDG_STATE_HOME ?? join(homedir(), '.local/state');
  return join(state, 'halflap');
}
