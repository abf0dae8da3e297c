// What dpkg has installed and what of it is held, from its own file: it is replaced whole at the
// end of each run of dpkg, so what is read is what was true then. Source: dpkg-query(1), deb822(5).

import { type Host, readText } from '../host.js';
import type { Memory } from '../memory.js';
import { stampOf } from '../memory.js';
import { nameOf } from '../words.js';

export const DPKG_STATUS = '/var/lib/dpkg/status';

export interface DpkgPackage {
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  readonly isHeld: boolean;
}

/** What has no files on the host any more. */
const GONE = new Set(['not-installed', 'config-files']);

/** By the order of the file; null where it cannot be read. */
export async function dpkgPackages(host: Host, memory: Memory): Promise<DpkgPackage[] | null> {
  return await memory.ask('dpkg', await stampOf(host, [DPKG_STATUS]), async () => {
    const status = await readText(host, DPKG_STATUS);
    return status === null ? null : packagesIn(status);
  });
}

function packagesIn(status: string): DpkgPackage[] {
  return status.split('\n\n').flatMap((stanza) => {
    const [wanted, , state] = field(stanza, 'Status').split(' ');
    const version = field(stanza, 'Version');
    const name = field(stanza, 'Package');
    if (state === undefined || GONE.has(state) || version === '' || name === '') return [];
    const architecture = nameOf(field(stanza, 'Architecture') || 'all', 64);
    return [{ name, architecture, version, isHeld: wanted === 'hold' }];
  });
}

function field(stanza: string, key: string): string {
  const start = stanza.startsWith(`${key}: `) ? -1 : stanza.indexOf(`\n${key}: `);
  if (start === -1 && !stanza.startsWith(key)) return '';
  const from = start + key.length + 3;
  const end = stanza.indexOf('\n', from);
  // A copy: a slice would keep the whole file in memory.
  return Buffer.from(end === -1 ? stanza.slice(from) : stanza.slice(from, end)).toString();
}
