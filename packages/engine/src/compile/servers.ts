// What two adjacent releases state for their servers → the one file that a server of the newer one
// is given: data alone, so that it runs without compiler, parser and database.

import { createHash } from 'node:crypto';
import { hashedText, type RecordShape, SERVERS_FORMAT, type ServersFile } from '@halflap/protocol';
import { type Finding, refuseFindings } from '../release/findings.js';
import type { DeclaredServers } from '../release/servers.js';
import { messageMappings } from './messages.js';

export interface ServersInput {
  readonly app: string;
  /** Null for the first release. */
  readonly from: DeclaredServers | null;
  readonly to: DeclaredServers;
}

/** The same releases give the same file. @throws SERVERS_INVALID with all that is wrong. */
export function compileServers({ app, from, to }: ServersInput): ServersFile {
  const findings: Finding[] = [];
  const [first] = to.changes;
  if (from === null && first !== undefined) {
    const message = `${to.version} is the first release: there is nothing to change`;
    findings.push({ code: 'SERVERS_INVALID', at: first.at, message });
  }
  const { up, down } = from === null ? { up: {}, down: {} } : messageMappings(from, to, findings);
  refuseFindings(findings, to.file);
  const file: Omit<ServersFile, 'hash'> = {
    format: SERVERS_FORMAT,
    app,
    release: to.version,
    from: from?.version ?? null,
    features: to.features,
    behaviours: to.behaviours,
    messages: shapesOf(to),
    earlier: { messages: from === null ? {} : shapesOf(from), up, down },
  };
  return { ...file, hash: createHash('sha256').update(hashedText(file)).digest('hex') };
}

function shapesOf({ messages }: DeclaredServers): Record<string, RecordShape> {
  return Object.fromEntries(Object.entries(messages).map(([name, { shape }]) => [name, shape]));
}
