// The servers file of a release, as `halflap build` writes it: whole or not at all.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { HalflapError, type ServersFile } from '@halflap/protocol';

/** @throws SERVERS_INVALID when it cannot be written there. */
export function writeServersFile(file: string, servers: ServersFile): void {
  const draft = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, `${JSON.stringify(servers, null, 1)}\n`);
    renameSync(draft, file);
  } catch (cause) {
    rmSync(draft, { force: true });
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new HalflapError('SERVERS_INVALID', `cannot write ${file} (${reason})`, {
      detail: { file },
      hint: 'name another file with --servers FILE',
      cause,
    });
  }
}
