// Who a user is at which servers: a file that `halflap login` writes, for its owner's eyes only.
//
// Invariant: a token that is kept goes to the server that it was kept for and to no other. The file
// takes its place as a whole, so that a reader never finds half of one.

import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { HalflapError } from '@halflap/protocol';

export interface Kept {
  readonly token: string;
  /** By which the server knows it; null for one that was made elsewhere. */
  readonly tokenId: string | null;
  /** Certificates of the server's authority in PEM; null: the public ones. */
  readonly ca: string | null;
}

export interface Credentials {
  /** The server that commands ask when none is named. */
  readonly current: string | null;
  /** By address. */
  readonly servers: Readonly<Record<string, Kept>>;
}

const NONE: Credentials = { current: null, servers: {} };
const FORMAT = 1;
const FOR_OWNER = 0o600;
const FOR_OTHERS = 0o077;

/** `$XDG_CONFIG_HOME/halflap/credentials.json` (XDG Base Directory Specification). */
export function credentialsFile(): string {
  const given = process.env.XDG_CONFIG_HOME ?? '';
  // The specification has relative paths ignored.
  const base = given.startsWith('/') ? given : join(homedir(), '.config');
  return join(base, 'halflap', 'credentials.json');
}

/** None where there is no file. @throws CONFIG_INVALID, also when others may read it */
export function readCredentials(file = credentialsFile()): Credentials {
  const text = textOf(file);
  if (text === undefined) return NONE;
  const value = valueIn(text);
  if (value === undefined) {
    throw new HalflapError('CONFIG_INVALID', `${file} is none that this halflap has written`, {
      detail: { file },
      hint: `remove ${file}; halflap login writes a new one`,
    });
  }
  return value;
}

/** @throws CONFIG_INVALID when it cannot be written */
export function writeCredentials(credentials: Credentials, file = credentialsFile()): void {
  const draft = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const text = JSON.stringify({ format: FORMAT, ...credentials }, null, 2);
    writeFileSync(draft, `${text}\n`, { mode: FOR_OWNER, flag: 'wx' });
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw unusable(file, 'written', error);
  }
}

function textOf(file: string): string | undefined {
  try {
    const { mode } = statSync(file);
    if (process.platform !== 'win32' && (mode & FOR_OTHERS) !== 0) {
      throw new HalflapError('CONFIG_INVALID', `${file} is open to other users than its owner`, {
        detail: { file },
        hint: `chmod 600 ${file}; and make new tokens if somebody may have read it`,
      });
    }
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof HalflapError) throw error;
    if (codeOf(error) === 'ENOENT') return undefined;
    throw unusable(file, 'read', error);
  }
}

function valueIn(text: string): Credentials | undefined {
  try {
    const { format, current, servers } = JSON.parse(text) as Record<string, unknown>;
    if (format !== FORMAT || typeof servers !== 'object' || servers === null) return undefined;
    if (current !== null && typeof current !== 'string') return undefined;
    if (!Object.values(servers).every(isKept)) return undefined;
    return { current, servers: servers as Credentials['servers'] };
  } catch {
    return undefined;
  }
}

function isKept(value: unknown): boolean {
  const { token, tokenId, ca } = (value ?? {}) as Partial<Kept>;
  const isText = (text: unknown) => text === null || typeof text === 'string';
  return typeof token === 'string' && isText(tokenId) && isText(ca);
}

function unusable(file: string, verb: 'read' | 'written', cause: unknown): HalflapError {
  return new HalflapError('CONFIG_INVALID', `${file} cannot be ${verb} (${codeOf(cause)})`, {
    detail: { file },
    hint: 'XDG_CONFIG_HOME names another directory; HALFLAP_TOKEN does without a file',
    cause,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
