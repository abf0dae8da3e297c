// For tests: a repository of packages without files, and a supervisor that sees a host of dnf. The
// package database, dnf's own files and its configuration are put over the machine's by mounts that
// only that supervisor sees; nothing is installed on the machine.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { SUPERVISOR } from './test-agent.js';

export interface MadeRpm {
  readonly name: string;
  readonly version: string;
  readonly requires?: string;
}

const OVER = {
  etc: '/etc/dnf',
  rpmdb: '"$database"',
  cache: '/var/cache/dnf',
  lib: '/var/lib/dnf',
  log: '/var/log',
} as const;

/** Whether this machine has what makes packages and repositories, and lets us mount. */
export function canUseDnf(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    for (const program of ['dnf', 'rpm', 'rpmbuild', 'createrepo_c']) {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    }
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Makes the packages; the command line of supervisors that can install them. */
export async function makeDnfRepository(
  directory: string,
  packages: readonly MadeRpm[],
): Promise<readonly string[]> {
  for (const own of [...Object.keys(OVER), 'repository', 'build']) {
    await fs.mkdir(join(directory, own), { recursive: true });
  }
  for (const made of packages) await build(directory, made);
  const repository = join(directory, 'repository');
  execFileSync('createrepo_c', ['--quiet', repository]);
  const configuration = `[main]\ngpgcheck=0\n[own]\nname=own\nbaseurl=file://${repository}\n`;
  await fs.writeFile(join(directory, 'etc/dnf.conf'), configuration);
  const script = [
    `cd ${directory}`,
    // Debian's rpm keeps its database in the home directory, for it is not the system's own.
    'database=$(HOME=/root rpm --eval %_dbpath)',
    `mkdir -p "$database" ${OVER.cache} ${OVER.lib}`,
    ...Object.entries(OVER).map(([own, over]) => `mount --bind ${own} ${over}`),
    // The distribution's own package manager goes first where there is one.
    '{ [ ! -e /usr/bin/apt-get ] || mount --bind /dev/null /usr/bin/apt-get; }',
    'exec "$@"',
  ];
  return ['unshare', '--mount', 'sh', '-c', script.join(' && '), 'sh', ...SUPERVISOR];
}

async function build(directory: string, { name, version, requires }: MadeRpm): Promise<void> {
  const fields = [
    ...[`Name: ${name}`, `Version: ${version}`, 'Release: 1', 'BuildArch: noarch'],
    ...['Summary: made by a test', 'License: none'],
    ...(requires === undefined ? [] : [`Requires: ${requires}`]),
    ...['%description', 'Made by a test.', '%files', ''],
  ];
  const spec = join(directory, `${name}-${version}.spec`);
  await fs.writeFile(spec, fields.join('\n'));
  const define = (macro: string, part: string) => ['--define', `${macro} ${join(directory, part)}`];
  const where = [...define('_topdir', 'build'), ...define('_rpmdir', 'repository')];
  execFileSync('rpmbuild', ['-bb', '--quiet', ...where, spec], { stdio: 'ignore' });
}
