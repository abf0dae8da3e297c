// A standby's data directory, copied from a primary that runs, without pg_basebackup: the embedded
// PostgreSQL comes without that program.
//
// Source: manual, section 26.3.4, "Making a Base Backup Using the Low Level API". The files may
// change while they are copied; the WAL that is copied last makes them whole.

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Session, withSession } from '../pg.js';

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** What belongs to the primary's process and not to its data. */
const NOT_COPIED = ['postmaster.pid', 'postmaster.opts'];

/**
 * Fills `directory`, which must not exist, as a standby's. `options` say who copies: the user who
 * owns the primary's files and shall own these.
 */
export async function copyCluster(
  primaryUrl: string,
  directory: string,
  options: Owner,
): Promise<void> {
  await withSession(primaryUrl, 'testing/base-backup', async (session) => {
    const [row] = await session.query<{ path: string; is_old: boolean }>(
      `select current_setting('data_directory') as path,
              current_setting('server_version_num')::int < 150000 as is_old`,
    );
    const { path = '', is_old: isOld = false } = row ?? {};
    await session.query(
      isOld
        ? "select pg_start_backup('standby', true, false)"
        : "select pg_backup_start('standby', true)",
    );
    await promisify(execFile)('cp', ['-Rp', path, directory], options);
    for (const name of NOT_COPIED) await fs.rm(join(directory, name), { force: true });
    await write(join(directory, 'backup_label'), await endBackup(session, isOld), options);
  });
  // Its presence makes the server a standby.
  await write(join(directory, 'standby.signal'), '', options);
}

async function write(path: string, text: string, { uid, gid }: Owner): Promise<void> {
  await fs.writeFile(path, text);
  if (uid !== undefined && gid !== undefined) await fs.chown(path, uid, gid);
}

/** Does not wait for an archive, which such a primary has not. */
async function endBackup(session: Session, isOld: boolean): Promise<string> {
  const [row] = await session.query<{ labelfile: string }>(
    `select labelfile from ${isOld ? 'pg_stop_backup(false, false)' : 'pg_backup_stop(false)'}`,
  );
  return row?.labelfile ?? '';
}
