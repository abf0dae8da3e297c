// What the servers of this release agree upon (the servers file that `halflap build` writes), as
// far as one server reads it. Believed only when its hash is that of its contents, and when it is
// of the release that was opened.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  hashedText,
  SERVERS_FORMAT,
  type ServerDeclaration,
  type ServersFile,
} from '@halflap/protocol';
import { messageOf } from './failure.js';
import { wrong } from './given.js';

/** The file that `halflap build` wrote, or what it holds. */
export type GivenServers = string | URL | object;

/** @throws CLIENT_OPTIONS when it cannot be read, is damaged, or is another release's. */
export function serversFileOf(
  given: GivenServers,
  { app, release }: { readonly app: string; readonly release: string },
): ServersFile {
  const found = typeof given === 'object' && !(given instanceof URL) ? given : read(given);
  if (!('format' in found) || !('features' in found)) {
    throw unfit('JSON of another kind', 'the servers file that halflap build writes');
  }
  const file = found as ServersFile;
  if (file.format !== SERVERS_FORMAT) {
    throw unfit(`format ${String(file.format)}`, `format ${SERVERS_FORMAT}`);
  }
  const hash = createHash('sha256').update(hashedText(file)).digest('hex');
  if (hash !== file.hash) throw unfit('other contents than its hash says', 'the whole file');
  if (file.app !== app || file.release !== release) {
    throw unfit(`that of ${file.app} ${file.release}`, `that of ${app} ${release}`);
  }
  return file;
}

/** What a server of this file says about itself on every shard. */
export function declarationOf(
  file: ServersFile | null,
  shards: readonly string[],
): ServerDeclaration {
  const { features = {}, behaviours = {}, messages = {} } = file ?? {};
  return { features, behaviours, messages: Object.keys(messages).sort(), shards };
}

function read(file: string | URL): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    throw unfit(`unreadable: ${messageOf(error)}`, 'the servers file that halflap build wrote');
  }
}

function unfit(found: string, expected: string) {
  return wrong('open: servers', found, expected);
}
