// What rpm has installed. Its database is asked only when it has changed.
// Source: rpm(8), "query options"; rpm --querytags.

import { type Host, isThere, rootOfPrograms } from '../host.js';
import { type Memory, stampOf } from '../memory.js';
import { runProgram } from '../program.js';
import { nameOf } from '../words.js';

export interface RpmPackage {
  readonly name: string;
  readonly architecture: string;
  /** With its epoch where it has one. */
  readonly version: string;
  /** In seconds since 1970. */
  readonly installedAt: number;
}

/** Where the database is on which distribution, and the file of each of its formats. */
const DIRECTORIES = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'];
const FILES = ['rpmdb.sqlite', 'Packages.db', 'Packages'];

const TIMEOUT_MS = 60_000;
const FORMAT = '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\n';

/** The directory of the database; null on hosts that have none. */
export async function rpmDatabase(host: Host): Promise<string | null> {
  for (const directory of DIRECTORIES) {
    for (const file of FILES) if (await isThere(host, `${directory}/${file}`)) return directory;
  }
  return null;
}

/** Files by which a change of the database is seen; its lock and its index change with reading. */
export const rpmFiles = (database: string): string[] =>
  [...FILES, 'rpmdb.sqlite-wal'].map((file) => `${database}/${file}`);

/** null where rpm does not answer. */
export async function rpmPackages(
  host: Host,
  memory: Memory,
  database: string,
): Promise<RpmPackage[] | null> {
  return await memory.ask('rpm', await stampOf(host, rpmFiles(database)), async () => {
    const root = ['--root', rootOfPrograms(host), '--dbpath', database];
    const outcome = await runProgram(host, ['rpm', ...root, '-qa', '--qf', FORMAT], {
      timeoutMs: TIMEOUT_MS,
    });
    if (outcome.kind === 'ran' && outcome.exitCode === 0) return packagesIn(outcome.stdout);
    host.log.warn({ outcome }, 'rpm does not say what is installed');
    return null;
  });
}

function packagesIn(output: string): RpmPackage[] {
  return output.split('\n').flatMap((line) => {
    const [name = '', version = '', architecture = '', installedAt] = line.split('\t');
    // Keys that packages are signed with are in the database too, as packages of no architecture.
    if (name === '' || version === '' || name === 'gpg-pubkey') return [];
    const parts = { name: nameOf(name), version: nameOf(version) };
    return [
      { ...parts, architecture: nameOf(architecture, 64), installedAt: Number(installedAt) || 0 },
    ];
  });
}
